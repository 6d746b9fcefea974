/* The program, with places where it goes wrong when a test wants it to.
 *
 * Linked before the product's own libraries, with --wrap for the functions
 * below, so that the product has no such places itself.  SEGMON_FAILPOINT names
 * what goes wrong: a thread sticks, or makes a system call that it never would.
 * It does from when SEGMON_FAILPOINT_FILE exists, if that is set.  "malloc-7"
 * makes the seventh allocation fail, "malloc-7-on" that and all later ones.
 *
 * What is called does no harm where it is allowed after all: its arguments are
 * not valid, or it changes nothing but this process. */

#include "tests/support/failing_malloc.h"

#include "capture/live_filter.h"
#include "capture/source_live.h"
#include "dissect/application.h"
#include "rules/policy.h"
#include "tools/output/event_queue.h"
#include "tools/process/sandbox.h"
#include "tools/runtime/desk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static void arm_malloc(void);
static void spare_malloc(void);
static void stick_if_asked(const char *name);
static bool is_asked(const char *name);
static void intrude_if_asked(const char *where);
static long call_execve(void);
static long call_execveat(void);
static long call_fork(void);
static long call_clone_user(void);
static long call_clone3(void);
static long call_kill(void);
static long call_ptrace(void);
static long call_process_vm_writev(void);
static long call_listen(void);
static long call_socket_of_another_family(void);
static long call_mmap_of_code_that_is_written(void);
static long call_mprotect_to_code(void);
static long call_prctl_dumpable(void);
static long call_prlimit(void);
static long call_ioctl_types(void);
static long call_unshare(void);
static long call_mount(void);
static long call_bpf(void);
static long call_io_uring(void);
static long call_unknown(void);
static long call_allowed(void);

static const struct {
    const char *name;
    long (*call)(void);
} intrusions[] = {
    {"execve", call_execve},
    {"execveat", call_execveat},
    {"fork", call_fork},
    {"clone-user", call_clone_user},
    {"clone3", call_clone3},
    {"kill", call_kill},
    {"ptrace", call_ptrace},
    {"process_vm_writev", call_process_vm_writev},
    {"listen", call_listen},
    {"socket", call_socket_of_another_family},
    {"mmap", call_mmap_of_code_that_is_written},
    {"mprotect", call_mprotect_to_code},
    {"prctl", call_prctl_dumpable},
    {"prlimit64", call_prlimit},
    {"ioctl", call_ioctl_types},
    {"unshare", call_unshare},
    {"mount", call_mount},
    {"bpf", call_bpf},
    {"io_uring_setup", call_io_uring},
    {"unknown", call_unknown},
    {"allowed", call_allowed},
};

/* Before there are threads: which of them is the seventh is then always the
 * same. */
__attribute__((constructor)) static void
begin(void)
{
    arm_malloc();
}

static size_t n_allocations; /* But for those that are spared. */

/* NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming) */
void __real_source_live_check(struct source *, struct mono_time,
                              struct wall_time);
void __wrap_source_live_check(struct source *, struct mono_time,
                              struct wall_time);
bool __real_event_queue_peek(struct event_queue *, struct event_queue_item *);
bool __wrap_event_queue_peek(struct event_queue *, struct event_queue_item *);
bool __real_desk_run_round(struct desk *);
bool __wrap_desk_run_round(struct desk *);
bool __real_sandbox_enter(const struct sandbox_options *, struct error *);
bool __wrap_sandbox_enter(const struct sandbox_options *, struct error *);
struct application_engine *
__real_application_engine_new(const struct application_options *,
                              struct error *);
struct application_engine *
__wrap_application_engine_new(const struct application_options *,
                              struct error *);
bool __real_live_filter_set(struct pcap *, const char *, struct error *);
bool __wrap_live_filter_set(struct pcap *, const char *, struct error *);
struct policy *__real_policy_load(const char *,
                                  const struct application_engine *,
                                  struct problems *);
struct policy *__wrap_policy_load(const char *,
                                  const struct application_engine *,
                                  struct problems *);

void
__wrap_source_live_check(struct source *source, struct mono_time mono,
                         struct wall_time wall)
{
    stick_if_asked("stick-worker");
    intrude_if_asked("worker-");
    __real_source_live_check(source, mono, wall);
}

bool
__wrap_event_queue_peek(struct event_queue *queue,
                        struct event_queue_item *item)
{
    stick_if_asked("stick-output");
    intrude_if_asked("output-");
    return __real_event_queue_peek(queue, item);
}

bool
__wrap_desk_run_round(struct desk *desk)
{
    stick_if_asked("stick-desk");
    return __real_desk_run_round(desk);
}

bool
__wrap_sandbox_enter(const struct sandbox_options *options, struct error *error)
{
    bool entered;

    spare_malloc();
    entered = __real_sandbox_enter(options, error);
    arm_malloc();
    return entered;
}

struct application_engine *
__wrap_application_engine_new(const struct application_options *options,
                              struct error *error)
{
    struct application_engine *engine;

    spare_malloc();
    engine = __real_application_engine_new(options, error);
    arm_malloc();
    return engine;
}

bool
__wrap_live_filter_set(struct pcap *pcap, const char *expression,
                       struct error *error)
{
    bool set;

    spare_malloc();
    set = __real_live_filter_set(pcap, expression, error);
    arm_malloc();
    return set;
}

struct policy *
__wrap_policy_load(const char *path, const struct application_engine *engine,
                   struct problems *problems)
{
    intrude_if_asked("command-");
    return __real_policy_load(path, engine, problems);
}
/* NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming) */

static void
arm_malloc(void)
{
    const char *asked = getenv("SEGMON_FAILPOINT");
    char *end;
    size_t nth;

    if (!asked || strncmp(asked, "malloc-", strlen("malloc-")) != 0) {
        return;
    }
    nth = strtoul(asked + strlen("malloc-"), &end, 10);
    if (nth > n_allocations) {
        failing_malloc_arm(nth - n_allocations, strcmp(end, "-on") == 0
                                                    ? FAILING_MALLOC_FROM
                                                    : FAILING_MALLOC_ONCE);
    }
}

/* Until arm_malloc().  libseccomp, nDPI and the compiler in libpcap end the
 * process, or worse, where they get no memory to begin with. */
static void
spare_malloc(void)
{
    if (failing_malloc_works()) {
        n_allocations += failing_malloc_disarm();
    }
}

static void
stick_if_asked(const char *name)
{
    while (is_asked(name)) {
        sleep(1);
    }
}

/* Nothing sets the environment while the program runs. */
static bool
is_asked(const char *name)
{
    const char *asked = getenv("SEGMON_FAILPOINT");
    const char *file = getenv("SEGMON_FAILPOINT_FILE");

    return asked && strcmp(asked, name) == 0 &&
           (!file || access(file, F_OK) == 0);
}

/* What comes back, if anything does, is the exit status: 0, or errno. */
static void
intrude_if_asked(const char *where)
{
    char name[64];

    for (size_t i = 0; i < sizeof intrusions / sizeof intrusions[0]; i++) {
        snprintf(name, sizeof name, "%s%s", where, intrusions[i].name);
        if (is_asked(name)) {
            _exit(intrusions[i].call() < 0 ? errno : 0);
        }
    }
}

static long
call_execve(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};

    return execv("/nonexistent", arguments);
}

static long
call_execveat(void)
{
    char *const arguments[] = {(char[]){"true"}, NULL};

    return syscall(SYS_execveat, AT_FDCWD, "/nonexistent", arguments, NULL, 0);
}

/* Not fork(), which may keep back the signal that a denial is told by. */
static long
call_fork(void)
{
    long child = syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0UL);

    if (child == 0) {
        _exit(0);
    }
    return child;
}

static long
call_clone_user(void)
{
    return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0UL);
}

static long
call_clone3(void)
{
    return syscall(SYS_clone3, NULL, (size_t)0);
}

static long
call_kill(void)
{
    return kill(getppid(), 0);
}

static long
call_ptrace(void)
{
    return ptrace(PTRACE_PEEKUSER, 0, NULL, NULL);
}

static long
call_process_vm_writev(void)
{
    return process_vm_writev(getppid(), NULL, 0, NULL, 0, 0);
}

static long
call_listen(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return listen(fd, 1);
}

static long
call_socket_of_another_family(void)
{
    return socket(AF_VSOCK, SOCK_STREAM, 0);
}

static long
call_mmap_of_code_that_is_written(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? -1
               : 0;
}

static long
call_mprotect_to_code(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static long
call_prctl_dumpable(void)
{
    return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

static long
call_prlimit(void)
{
    struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_CORE, &none);
}

static long
call_ioctl_types(void)
{
    return ioctl(-1, TIOCSTI, "");
}

static long
call_unshare(void)
{
    return unshare(CLONE_NEWUSER);
}

static long
call_mount(void)
{
    return syscall(SYS_mount, NULL, NULL, NULL, 0UL, NULL);
}

static long
call_bpf(void)
{
    return syscall(SYS_bpf, 0, NULL, 0);
}

static long
call_io_uring(void)
{
    return syscall(SYS_io_uring_setup, 1, NULL);
}

/* Of a kernel to come. */
static long
call_unknown(void)
{
    return syscall(1000);
}

static long
call_allowed(void)
{
    return getppid();
}
