"""Which functions of the operating system make a thread wait, of all those that nsys traces."""

from __future__ import annotations

from made.store import empty

# The functions of the User Guide's OS Runtime Default Function List: those that wait, by the manual pages of Linux
# (sections 2 and 3) …
WAIT = """
accept accept4 clock_nanosleep connect epoll_pwait epoll_wait fdatasync flock fsync futex mq_receive mq_timedreceive
msgrcv msync nanosleep pause poll ppoll pread pread64 preadv preadv2 preadv64 pselect6 read readv recv recvfrom
recvmmsg recvmsg rt_sigsuspend rt_sigtimedwait select semop semtimedop sigsuspend sigtimedwait sync sync_file_range
syncfs wait wait3 wait4 waitid waitpid
pthread_barrier_wait pthread_cond_timedwait pthread_cond_wait pthread_join pthread_mutex_lock pthread_mutex_timedlock
pthread_rwlock_rdlock pthread_rwlock_timedrdlock pthread_rwlock_timedwrlock pthread_rwlock_wrlock pthread_spin_lock
pthread_timedjoin_np sem_timedwait sem_wait
aio_suspend aio_suspend64 fgetc fgetc_unlocked fgets fgets_unlocked fgetwc fgetwc_unlocked fgetws fgetws_unlocked
flockfile fread fread_unlocked getc getc_unlocked getdelim getline getw getwc getwc_unlocked lockf lockf64
sigwait sigwaitinfo sleep system usleep
"""
# … and those that work, try, or ask for something.
WORK = """
acct alarm arch_prctl bind bpf brk chroot copy_file_range creat creat64 dup dup2 dup3 epoll_ctl fallocate fallocate64
fcntl fork ftruncate ioctl ioperm iopl kill killpg listen membarrier mlock mlock2 mlockall mmap mmap64 mount
move_pages mprotect mq_notify mq_open mq_send mq_timedsend mremap msgctl msgget msgsnd munmap nfsservctl open open64
openat openat64 pipe pipe2 pivot_root prctl process_vm_readv process_vm_writev ptrace pwrite pwrite64 pwritev
pwritev2 pwritev64 reboot rt_sigaction rt_sigqueueinfo sched_yield seccomp semctl semget send sendfile sendfile64
sendmmsg sendmsg sendto shmat shmctl shmdt shmget shutdown sigaction socket socketpair splice swapoff swapon tee
tgkill tgsigqueueinfo tkill truncate umount2 unshare uselib vfork vhangup vmsplice write writev _sysctl
pthread_cancel pthread_cond_broadcast pthread_cond_signal pthread_create pthread_kill pthread_mutex_trylock
pthread_rwlock_tryrdlock pthread_rwlock_trywrlock pthread_spin_trylock pthread_tryjoin_np pthread_yield sem_trywait
aio_fsync aio_fsync64 fclose fcloseall fflush fflush_unlocked fopen fopen64 fputc fputc_unlocked fputs fputs_unlocked
fputwc fputwc_unlocked fputws fputws_unlocked freopen freopen64 ftrylockfile fwrite fwrite_unlocked mkfifo mkfifoat
posix_fallocate posix_fallocate64 putc putc_unlocked putwc putwc_unlocked
forkpty popen posix_spawn posix_spawnp
"""


def test_those_wait_that_the_manual_pages_say_to() -> None:
    told = {}
    wait, work = WAIT.split(), WORK.split()
    with empty() as database:
        for row in database.sql(
            "SELECT name, waits_in_os(name) AS waits FROM (SELECT unnest($names) AS name)",
            {"names": [*wait, *work]},
        ).to_dicts():
            told[row["name"]] = row["waits"]
    assert told == dict.fromkeys(work, False) | dict.fromkeys(wait, True)
    assert len(told) == len(wait) + len(work)
