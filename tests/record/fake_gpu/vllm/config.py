class ProfilerConfig:
    def __init__(self, profiler):
        self.profiler = profiler
