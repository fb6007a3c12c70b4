"""System call numbers of the architectures that the filter knows (from the kernel's own unistd headers)."""

from __future__ import annotations

X86_64 = {
    "read": 0, "write": 1, "readv": 19, "writev": 20, "pread64": 17, "pwrite64": 18, "preadv": 295, "pwritev": 296,
    "preadv2": 327, "pwritev2": 328, "close": 3, "close_range": 436, "dup": 32, "dup2": 33, "dup3": 292, "lseek": 8,
    "fsync": 74, "fdatasync": 75, "sync_file_range": 277, "open": 2, "openat": 257, "openat2": 437, "creat": 85, "stat": 4,
    "fstat": 5, "lstat": 6, "newfstatat": 262, "statx": 332, "statfs": 137, "fstatfs": 138, "access": 21, "faccessat": 269,
    "faccessat2": 439, "readlink": 89, "readlinkat": 267, "getdents": 78, "getdents64": 217, "getcwd": 79, "chdir": 80,
    "fchdir": 81, "mkdir": 83, "mkdirat": 258, "rmdir": 84, "unlink": 87, "unlinkat": 263, "rename": 82, "renameat": 264,
    "renameat2": 316, "link": 86, "linkat": 265, "symlink": 88, "symlinkat": 266, "ftruncate": 77, "fallocate": 285,
    "fadvise64": 221, "readahead": 187, "umask": 95, "flock": 73, "sendfile": 40, "copy_file_range": 326, "splice": 275,
    "tee": 276, "pipe": 22, "pipe2": 293, "getxattr": 191, "lgetxattr": 192, "fgetxattr": 193, "listxattr": 194,
    "llistxattr": 195, "flistxattr": 196, "mmap": 9, "munmap": 11, "mprotect": 10, "mremap": 25, "madvise": 28, "msync": 26,
    "mincore": 27, "brk": 12, "mlock": 149, "munlock": 150, "mbind": 237, "get_mempolicy": 239, "set_mempolicy": 238,
    "membarrier": 324, "futex": 202, "futex_waitv": 449, "set_tid_address": 218, "set_robust_list": 273, "rseq": 334,
    "gettid": 186, "getpid": 39, "getppid": 110, "getuid": 102, "geteuid": 107, "getgid": 104, "getegid": 108, "getresuid":
    118, "getresgid": 120, "getgroups": 115, "getpgrp": 111, "getpgid": 121, "getsid": 124, "sched_yield": 24,
    "sched_getaffinity": 204, "sched_getparam": 143, "sched_getscheduler": 145, "sched_get_priority_max": 146,
    "sched_get_priority_min": 147, "getcpu": 309, "getpriority": 140, "clock_gettime": 228, "clock_getres": 229,
    "clock_nanosleep": 230, "nanosleep": 35, "gettimeofday": 96, "time": 201, "times": 100, "alarm": 37, "setitimer": 38,
    "getitimer": 36, "timer_create": 222, "timer_settime": 223, "timer_gettime": 224, "timer_delete": 226,
    "timer_getoverrun": 225, "timerfd_create": 283, "timerfd_settime": 286, "timerfd_gettime": 287, "eventfd": 284,
    "eventfd2": 290, "poll": 7, "ppoll": 271, "select": 23, "pselect6": 270, "epoll_create": 213, "epoll_create1": 291,
    "epoll_ctl": 233, "epoll_wait": 232, "epoll_pwait": 281, "epoll_pwait2": 441, "rt_sigaction": 13, "rt_sigprocmask": 14,
    "rt_sigreturn": 15, "rt_sigpending": 127, "rt_sigsuspend": 130, "rt_sigtimedwait": 128, "sigaltstack": 131,
    "restart_syscall": 219, "pause": 34, "exit": 60, "exit_group": 231, "wait4": 61, "waitid": 247, "getrandom": 318,
    "getrusage": 98, "getrlimit": 97, "sysinfo": 99, "uname": 63, "arch_prctl": 158, "capget": 125, "set_thread_area": 205,
    "get_thread_area": 211, "clone": 56, "clone3": 435, "fcntl": 72, "ioctl": 16, "prctl": 157, "prlimit64": 302, "kill":
    62, "tkill": 200, "tgkill": 234, "seccomp": 317, "landlock_create_ruleset": 444, "landlock_add_rule": 445,
    "landlock_restrict_self": 446, "unshare": 272, "mount": 165, "mount_setattr": 442, "capset": 126, "setns": 308,
    "pidfd_open": 434,
}

AARCH64 = {
    "read": 63, "write": 64, "readv": 65, "writev": 66, "pread64": 67, "pwrite64": 68, "preadv": 69, "pwritev": 70,
    "preadv2": 286, "pwritev2": 287, "close": 57, "close_range": 436, "dup": 23, "dup3": 24, "lseek": 62, "fsync": 82,
    "fdatasync": 83, "sync_file_range": 84, "openat": 56, "openat2": 437, "fstat": 80, "newfstatat": 79, "statx": 291,
    "statfs": 43, "fstatfs": 44, "faccessat": 48, "faccessat2": 439, "readlinkat": 78, "getdents64": 61, "getcwd": 17,
    "chdir": 49, "fchdir": 50, "mkdirat": 34, "unlinkat": 35, "renameat": 38, "renameat2": 276, "linkat": 37, "symlinkat":
    36, "ftruncate": 46, "fallocate": 47, "fadvise64": 223, "readahead": 213, "umask": 166, "flock": 32, "sendfile": 71,
    "copy_file_range": 285, "splice": 76, "tee": 77, "pipe2": 59, "getxattr": 8, "lgetxattr": 9, "fgetxattr": 10,
    "listxattr": 11, "llistxattr": 12, "flistxattr": 13, "mmap": 222, "munmap": 215, "mprotect": 226, "mremap": 216,
    "madvise": 233, "msync": 227, "mincore": 232, "brk": 214, "mlock": 228, "munlock": 229, "mbind": 235, "get_mempolicy":
    236, "set_mempolicy": 237, "membarrier": 283, "futex": 98, "futex_waitv": 449, "set_tid_address": 96, "set_robust_list":
    99, "rseq": 293, "gettid": 178, "getpid": 172, "getppid": 173, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid":
    177, "getresuid": 148, "getresgid": 150, "getgroups": 158, "getpgid": 155, "getsid": 156, "sched_yield": 124,
    "sched_getaffinity": 123, "sched_getparam": 121, "sched_getscheduler": 120, "sched_get_priority_max": 125,
    "sched_get_priority_min": 126, "getcpu": 168, "getpriority": 141, "clock_gettime": 113, "clock_getres": 114,
    "clock_nanosleep": 115, "nanosleep": 101, "gettimeofday": 169, "times": 153, "setitimer": 103, "getitimer": 102,
    "timer_create": 107, "timer_settime": 110, "timer_gettime": 108, "timer_delete": 111, "timer_getoverrun": 109,
    "timerfd_create": 85, "timerfd_settime": 86, "timerfd_gettime": 87, "eventfd2": 19, "ppoll": 73, "pselect6": 72,
    "epoll_create1": 20, "epoll_ctl": 21, "epoll_pwait": 22, "epoll_pwait2": 441, "rt_sigaction": 134, "rt_sigprocmask":
    135, "rt_sigreturn": 139, "rt_sigpending": 136, "rt_sigsuspend": 133, "rt_sigtimedwait": 137, "sigaltstack": 132,
    "restart_syscall": 128, "exit": 93, "exit_group": 94, "wait4": 260, "waitid": 95, "getrandom": 278, "getrusage": 165,
    "getrlimit": 163, "sysinfo": 179, "uname": 160, "capget": 90, "clone": 220, "clone3": 435, "fcntl": 25, "ioctl": 29,
    "prctl": 167, "prlimit64": 261, "kill": 129, "tkill": 130, "tgkill": 131, "seccomp": 277, "landlock_create_ruleset":
    444, "landlock_add_rule": 445, "landlock_restrict_self": 446, "unshare": 97, "mount": 40, "mount_setattr": 442,
    "capset": 91, "setns": 268, "pidfd_open": 434,
}
