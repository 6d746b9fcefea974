/* The lists of system calls; see sandbox.h.
 *
 * They are sorted by what they are for, and longer than what this program was
 * seen to do: other versions of the C library, and other processors, do the
 * same by other calls.  A name that a processor does not know is passed over.
 */

#include "tools/process/sandbox.h"

#include "capture/error.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    MAX_TOLD_CALLS = 512, /* Whose names are known to the handler. */
    MAX_NAME = 32,
    MAX_LINE = 256
};

static const char allowed[] =
    /* Files. */
    "access close dup dup2 dup3 faccessat faccessat2 fadvise64 fallocate "
    "fchmod fcntl fdatasync flock fstat fstatfs fsync ftruncate getcwd "
    "getdents getdents64 lseek lstat mkdir mkdirat newfstatat open openat "
    "pipe pipe2 pread64 preadv pwrite64 pwritev read readlink readlinkat "
    "readv rename renameat renameat2 stat statfs statx sync_file_range "
    "umask unlink unlinkat write writev "
    /* Memory. */
    "brk madvise mincore mlock mremap msync munlock munmap "
    /* Threads. */
    "exit exit_group futex futex_waitv get_robust_list getpriority "
    "membarrier restart_syscall rseq sched_get_priority_max "
    "sched_get_priority_min sched_getaffinity sched_getparam "
    "sched_getscheduler sched_setaffinity sched_yield set_robust_list "
    "set_tid_address setpriority "
    /* Signals: of ourselves, as tgkill is restricted below. */
    "alarm rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn "
    "rt_sigsuspend rt_sigtimedwait setitimer sigaltstack sigreturn "
    /* Time, which only others may set. */
    "adjtimex clock_adjtime clock_getres clock_gettime clock_nanosleep "
    "getitimer gettimeofday nanosleep time timerfd_create timerfd_gettime "
    "timerfd_settime times "
    /* Who and where we are. */
    "capget getegid geteuid getgid getgroups getpgrp getpid getppid "
    "getrandom getresgid getresuid getrlimit getrusage gettid getuid "
    "sysinfo uname "
    /* Waiting. */
    "epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_wait eventfd "
    "eventfd2 poll ppoll pselect6 select "
    /* Sockets, of the families below. */
    "bind connect getpeername getsockname getsockopt recvfrom recvmmsg "
    "recvmsg sendmmsg sendmsg sendto setsockopt shutdown socketpair";

static const char listening[] = "accept accept4 listen";

/* What an intruder asks for. */
static const char hostile[] =
    "add_key bpf chroot delete_module execve execveat finit_module "
    "init_module io_uring_enter io_uring_register io_uring_setup "
    "kexec_file_load kexec_load keyctl mount mount_setattr move_mount "
    "open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root "
    "pkey_mprotect process_vm_writev reboot request_key setgid setns "
    "setresgid setresuid setuid swapon symlink symlinkat umount2 unshare "
    "userfaultfd";

/* Tried before what is allowed; there was none once. */
static const char missing[] =
    "fchmodat2 map_shadow_stack memfd_create mseal openat2 statmount";

/* A sanitizer looks for leaks as a debugger does, from a process of its own;
 * the program that says where its report is from it does without.  Else no
 * filter could see the flags of clone3(), which are in memory. */
#ifdef SEGMON_SANITIZED
static const char also_allowed[] =
    "arch_prctl clone3 fork kill personality process_vm_readv ptrace vfork "
    "wait4 waitid";
static const char also_hostile[] = "";
static const char also_missing[] = "";
static const uint32_t refuse = SCMP_ACT_ERRNO(EPERM);
#else
static const char also_allowed[] = "";
static const char also_hostile[] = "process_vm_readv ptrace";
static const char also_missing[] = "clone3";
static const uint32_t refuse = SCMP_ACT_KILL_PROCESS;
#endif

static const int families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK,
                               AF_PACKET};

/* Of clone(), what has to be as it is for a thread. */
#define CLONE_NAMESPACES                                                       \
    (CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS |             \
     CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWUTS)
#ifdef SEGMON_SANITIZED
#define CLONE_FLAGS CLONE_NAMESPACES
#else
#define CLONE_FLAGS (CLONE_NAMESPACES | CLONE_THREAD)
#endif

static const int process_options[] = {
    PR_GET_DUMPABLE, PR_GET_NAME,       PR_SET_NAME,
    PR_SET_VMA,      PR_GET_TIMERSLACK,
#ifdef SEGMON_SANITIZED
    PR_SET_DUMPABLE, PR_SET_PDEATHSIG,  PR_SET_PTRACER,
#endif
};

/* Of ioctl(): some, and those of network interfaces. */
#define INTERFACE_REQUESTS      UINT64_C(0x8900)
#define INTERFACE_REQUESTS_MASK (~UINT64_C(0xff))
static const unsigned requests[] = {TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO};

enum {
    MAX_FAMILY = 64 /* There are fewer. */
};

#define N_OF(array) (sizeof(array) / sizeof *(array))

static struct {
    const char *prefix;
    char *names[MAX_TOLD_CALLS]; /* For the life of the process. */
} told;

static bool add_rules(scmp_filter_ctx, const struct sandbox_options *);
static bool add_lists(scmp_filter_ctx, const struct sandbox_options *);
static bool add_list(scmp_filter_ctx, uint32_t action, const char *names);
static bool add(scmp_filter_ctx, uint32_t action, const char *name,
                const struct scmp_arg_cmp *condition);
static struct scmp_arg_cmp equals(unsigned argument, uint64_t value);
static struct scmp_arg_cmp masked(unsigned argument, uint64_t mask,
                                  uint64_t value);
static bool add_families(scmp_filter_ctx);
static bool add_processes(scmp_filter_ctx);
static bool add_memory(scmp_filter_ctx);
static bool add_requests(scmp_filter_ctx);
static bool watch_denied(const char *prefix);
static void on_denied(int signal, siginfo_t *, void *context);
static size_t append(char *line, size_t used, const char *text);
static size_t append_number(char *line, size_t used, unsigned number);

bool
sandbox_enter(const struct sandbox_options *options, struct error *error)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    int failure = -ENOMEM;

    if (filter && watch_denied(options->prefix) && add_rules(filter, options)) {
        failure = seccomp_load(filter);
    }
    seccomp_release(filter);
    if (failure) {
        errno = -failure;
        return error_set_errno(error, NULL,
                               "cannot enter the sandbox (--no-sandbox does "
                               "without)");
    }
    return true;
}

/* The kernel need not slow us down for the sake of strangers' code: none runs
 * here. */
static bool
add_rules(scmp_filter_ctx filter, const struct sandbox_options *options)
{
    return seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) == 0 &&
           seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1) == 0 &&
           seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 &&
           seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
                            SCMP_ACT_KILL_PROCESS) == 0 &&
           add_lists(filter, options) && add_families(filter) &&
           add_processes(filter) && add_memory(filter) && add_requests(filter);
}

static bool
add_lists(scmp_filter_ctx filter, const struct sandbox_options *options)
{
    const uint32_t fail = SCMP_ACT_ERRNO(ENOSYS);

    return add_list(filter, SCMP_ACT_ALLOW, allowed) &&
           add_list(filter, SCMP_ACT_ALLOW, also_allowed) &&
           (!options->listens || add_list(filter, SCMP_ACT_ALLOW, listening)) &&
           add_list(filter, refuse, hostile) &&
           add_list(filter, refuse, also_hostile) &&
           add_list(filter, fail, missing) &&
           add_list(filter, fail, also_missing);
}

static bool
add_list(scmp_filter_ctx filter, uint32_t action, const char *names)
{
    char name[MAX_NAME];
    bool good = true;

    while (good && *names) {
        size_t length = strcspn(names, " ");

        snprintf(name, sizeof name, "%.*s", (int)length, names);
        good = add(filter, action, name, NULL);
        names += length + strspn(names + length, " ");
    }
    return good;
}

static bool
add(scmp_filter_ctx filter, uint32_t action, const char *name,
    const struct scmp_arg_cmp *condition)
{
    int number = seccomp_syscall_resolve_name(name);

    return number == __NR_SCMP_ERROR ||
           seccomp_rule_add_array(filter, action, number, condition != NULL,
                                  condition) == 0;
}

/* Conditions on an argument, counted from 0. */
static struct scmp_arg_cmp
equals(unsigned argument, uint64_t value)
{
    return (struct scmp_arg_cmp){
        .arg = argument, .op = SCMP_CMP_EQ, .datum_a = value};
}

static struct scmp_arg_cmp
masked(unsigned argument, uint64_t mask, uint64_t value)
{
    return (struct scmp_arg_cmp){.arg = argument,
                                 .op = SCMP_CMP_MASKED_EQ,
                                 .datum_a = mask,
                                 .datum_b = value};
}

/* Libraries try others, to learn that there are none. */
static bool
add_families(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp other = {.op = SCMP_CMP_GE, .datum_a = MAX_FAMILY};
    bool good = add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", &other);

    for (unsigned i = 0; good && i < MAX_FAMILY; i++) {
        struct scmp_arg_cmp this = equals(0, i);
        bool ours = false;

        for (size_t j = 0; j < N_OF(families); j++) {
            ours |= families[j] == (int)i;
        }
        good = add(filter, ours ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EAFNOSUPPORT),
                   "socket", &this);
    }
    return good;
}

/* Threads, but no processes; signals to ourselves; limits to be read. */
static bool
add_processes(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp self = equals(0, (uint32_t)getpid());
    struct scmp_arg_cmp reads = equals(2, 0);
    struct scmp_arg_cmp writes = {.arg = 2, .op = SCMP_CMP_NE};
    struct scmp_arg_cmp thread =
        masked(0, CLONE_FLAGS, CLONE_FLAGS & CLONE_THREAD);
    bool good = add(filter, SCMP_ACT_ALLOW, "clone", &thread) &&
                add(filter, SCMP_ACT_ALLOW, "tgkill", &self) &&
                add(filter, SCMP_ACT_ALLOW, "prlimit64", &reads) &&
                add(filter, SCMP_ACT_ERRNO(EPERM), "prlimit64", &writes);

    for (size_t i = 0; good && i < N_OF(process_options); i++) {
        struct scmp_arg_cmp option = equals(0, (uint32_t)process_options[i]);

        good = add(filter, SCMP_ACT_ALLOW, "prctl", &option);
    }
    return good;
}

/* What was written is never executed: parts of libraries that are loaded later,
 * as those for names of hosts are, come from files. */
static bool
add_memory(scmp_filter_ctx filter)
{
    static const char *const maps[] = {"mmap", "mmap2"};
    const uint64_t both = PROT_WRITE | PROT_EXEC;
    struct scmp_arg_cmp data = masked(2, PROT_EXEC, 0);
    struct scmp_arg_cmp code = masked(2, both, PROT_EXEC);
    struct scmp_arg_cmp written = masked(2, both, both);
    struct scmp_arg_cmp turned = masked(2, PROT_EXEC, PROT_EXEC);
    bool good = add(filter, SCMP_ACT_ALLOW, "mprotect", &data) &&
                add(filter, SCMP_ACT_ERRNO(EACCES), "mprotect", &turned);

    for (size_t i = 0; good && i < N_OF(maps); i++) {
        good = add(filter, SCMP_ACT_ALLOW, maps[i], &data) &&
               add(filter, SCMP_ACT_ALLOW, maps[i], &code) &&
               add(filter, SCMP_ACT_ERRNO(EACCES), maps[i], &written);
    }
    return good;
}

/* None that types into a terminal, say. */
static bool
add_requests(scmp_filter_ctx filter)
{
    struct scmp_arg_cmp of_interfaces =
        masked(1, INTERFACE_REQUESTS_MASK, INTERFACE_REQUESTS);
    bool good = add(filter, SCMP_ACT_ALLOW, "ioctl", &of_interfaces);

    for (size_t i = 0; good && i < N_OF(requests); i++) {
        struct scmp_arg_cmp request = equals(1, requests[i]);

        good = add(filter, SCMP_ACT_ALLOW, "ioctl", &request);
    }
    return good;
}

/* Names are looked up beforehand, as the handler may not. */
static bool
watch_denied(const char *prefix)
{
    struct sigaction action = {
        .sa_sigaction = on_denied,
        .sa_flags = (int)(SA_SIGINFO | SA_NODEFER | SA_RESETHAND)};

    told.prefix = prefix;
    for (int i = 0; i < MAX_TOLD_CALLS; i++) {
        free(told.names[i]);
        told.names[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
    }
    return sigaction(SIGSYS, &action, NULL) == 0;
}

/* The call was not made.  Ends the process by the same signal, without a way to
 * go on. */
static void
on_denied(int signal, siginfo_t *info, void *context)
{
    unsigned number = (unsigned)info->si_syscall;
    char line[MAX_LINE];
    size_t used = append(line, 0, told.prefix);
    ssize_t n;

    (void)context;
    used = append(line, used, "the system call ");
    used = append_number(line, used, number);
    if (number < MAX_TOLD_CALLS && told.names[number]) {
        used = append(line, used, ", ");
        used = append(line, used, told.names[number]);
        used = append(line, used, "(),");
    }
    used = append(line, used,
                  " is not allowed here: a mistake in the program, or an "
                  "attack on it\n");
    n = write(STDERR_FILENO, line, used);
    (void)n;
    raise(signal);
    _exit(128 + signal);
}

static size_t
append(char *line, size_t used, const char *text)
{
    while (*text && used < MAX_LINE) {
        line[used++] = *text++;
    }
    return used;
}

static size_t
append_number(char *line, size_t used, unsigned number)
{
    char digits[16];
    size_t at = sizeof digits;

    digits[--at] = '\0';
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number && at > 0);
    return append(line, used, digits + at);
}
