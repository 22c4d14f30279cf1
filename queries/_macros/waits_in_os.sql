-- Whether a function of the operating system's libraries makes its thread wait; false of those that work.
--
-- It waits for a time, another thread or process, a lock, a signal, a connection, a message, data to read
-- or a disk to have written, by the manual pages of Linux. Of the functions that nsys traces (User Guide,
-- OS Runtime Default Function List). What hands data over (write, send) waits only where nobody takes
-- them, ioctl works in a driver, and who gives way (sched_yield) goes on at once where nobody else wants
-- to run: these do not wait.
-- @param  function VARCHAR  name of the function

regexp_full_match(
    function,
    'u?sleep|(clock_)?nanosleep|pause'
    '|p?poll|p?select6?|epoll_p?wait2?|aio_suspend(64)?'
    '|futex|sem_(timed|clock)?wait|sem(timed)?op|pthread_(barrier_wait|cond_(timed|clock)?wait)'
    '|pthread_(mutex_|spin_|rwlock_)(timed|clock)?(rd|wr)?lock|flock(file)?|lockf(64)?'
    '|pthread_((timed|clock)?join(_np)?)|wait(id|pid|3|4)?|system|(rt_)?sig(suspend|timedwait|wait|waitinfo)'
    '|accept4?|connect|recv(from|m?msg)?|mq_(timed)?receive|msgrcv'
    '|p?readv?(2|64|64v2)?|fread(_unlocked)?|f?getw?[cs](_unlocked)?|getw|getline|getdelim'
    '|f(data)?sync|sync(fs|_file_range)?|msync'
)
