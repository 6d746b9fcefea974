/* /proc, and what a control group allows; see host_state.h. */

#include "tools/doctor/host_state.h"

#include "tools/doctor/diagnosis.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
    MAX_LINE = 512,
    LEAST_OPEN_FILES = 256, /* 64 workers' handles would be more than that on
                             * four interfaces. */
    LEAST_FREE_PERCENT = 5,
    /* The first kernel that spreads by a program (PACKET_FANOUT_CBPF). */
    KERNEL_MAJOR = 4,
    KERNEL_MINOR = 3
};

/* What a run may take by default: a million conversations, what classifies
 * them, a ring, and the program itself. */
#define USUAL_MEMORY     (UINT64_C(768) << 20)
#define LEAST_FREE_BYTES (UINT64_C(1) << 30)
#define FULL_BYTES       (UINT64_C(16) << 20)

static void read_release(struct host_state *);
static uint64_t available_memory(void);
static uint64_t control_group_memory(void);
static bool read_number(const char *path, const char *label, uint64_t *number);
static void read_output(struct host_state *);
static char *folder_of(const char *path);
static void check_kernel(const struct host_state *, struct diagnosis *);
static void check_output(const struct host_state *, struct diagnosis *);

void
host_state_read(const char *output, uint64_t wanted_bytes,
                struct host_state *state)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    uint64_t of_group;

    *state = (struct host_state){
        .output = output,
        .wanted_bytes = wanted_bytes ? wanted_bytes : USUAL_MEMORY,
    };
    read_release(state);
    state->memory_bytes = available_memory();
    of_group = control_group_memory();
    if (of_group < state->memory_bytes) {
        state->memory_bytes = of_group;
    }
    getrlimit(RLIMIT_NOFILE, &limit);
    state->max_open_files = limit.rlim_cur;
    if (output) {
        read_output(state);
    }
}

static void
read_release(struct host_state *state)
{
    struct utsname name;
    char *end;

    if (uname(&name) != 0) {
        return;
    }
    snprintf(state->release, sizeof state->release, "%s", name.release);
    state->major = (unsigned)strtoul(name.release, &end, 10);
    if (*end == '.') {
        state->minor = (unsigned)strtoul(end + 1, NULL, 10);
    }
}

static uint64_t
available_memory(void)
{
    uint64_t kilobytes;

    return read_number("/proc/meminfo", "MemAvailable:", &kilobytes)
               ? kilobytes << 10
               : UINT64_MAX;
}

/* Version 2, as this process sees its own in a container; a service's is the
 * service manager's concern. */
static uint64_t
control_group_memory(void)
{
    uint64_t limit, used;

    if (!read_number("/sys/fs/cgroup/memory.max", "", &limit) ||
        !read_number("/sys/fs/cgroup/memory.current", "", &used)) {
        return UINT64_MAX;
    }
    return limit > used ? limit - used : 0;
}

/* The number behind 'label' at the start of a line. */
static bool
read_number(const char *path, const char *label, uint64_t *number)
{
    FILE *file = fopen(path, "re");
    char line[MAX_LINE];
    size_t skip = strlen(label);
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file)) {
        char *end = line;

        if (strncmp(line, label, skip) == 0) {
            *number = strtoull(line + skip, &end, 10);
            found = end != line + skip;
        }
    }
    if (file) {
        fclose(file);
    }
    return found;
}

/* The folder tells of a file that does not exist yet. */
static void
read_output(struct host_state *state)
{
    char *folder = folder_of(state->output);
    struct statvfs room;

    if (!folder) {
        state->output_error = ENOMEM;
        return;
    }
    if (access(state->output, F_OK) == 0) {
        state->output_error = access(state->output, W_OK) == 0 ? 0 : errno;
    } else if (access(folder, W_OK | X_OK) != 0) {
        state->output_error = errno;
    }
    if (statvfs(state->output, &room) == 0 || statvfs(folder, &room) == 0) {
        state->free_bytes = (uint64_t)room.f_bavail * room.f_frsize;
        state->file_system_bytes = (uint64_t)room.f_blocks * room.f_frsize;
    }
    free(folder);
}

/* To be freed; NULL without memory. */
static char *
folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return strdup(".");
    }
    return slash == path ? strdup("/") : strndup(path, (size_t)(slash - path));
}

void
host_state_check(const struct host_state *state, struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;

    check_kernel(state, diagnosis);
    if (state->memory_bytes < state->wanted_bytes) {
        finding =
            diagnosis_add(diagnosis, DIAGNOSIS_HOST_MEMORY, "memory",
                          "only %" PRIu64 " MiB of memory are left, and "
                          "a sensor may take %" PRIu64,
                          state->memory_bytes >> 20, state->wanted_bytes >> 20);
        diagnosis_fix(finding, "segmon run --memory %" PRIu64 "M",
                      (state->memory_bytes >> 21) + 1);
        diagnosis_number(finding, "available_bytes", state->memory_bytes);
        diagnosis_number(finding, "wanted_bytes", state->wanted_bytes);
    }
    if (state->max_open_files < LEAST_OPEN_FILES) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_HOST_FILES, "limits",
                                "a process may have no more than %" PRIu64
                                " open files",
                                state->max_open_files);
        diagnosis_fix(finding, "ulimit -n 1024");
        diagnosis_number(finding, "max_open_files", state->max_open_files);
    }
    if (state->output) {
        check_output(state, diagnosis);
    }
}

static void
check_kernel(const struct host_state *state, struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;

    if (state->major == 0 || state->major > KERNEL_MAJOR ||
        (state->major == KERNEL_MAJOR && state->minor >= KERNEL_MINOR)) {
        return;
    }
    finding = diagnosis_add(diagnosis, DIAGNOSIS_HOST_KERNEL, "kernel",
                            "Linux %s is too old", state->release);
    diagnosis_fix(finding, "apt-get install linux-image-amd64");
    diagnosis_text(finding, "release", state->release);
}

static void
check_output(const struct host_state *state, struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;
    char word[DIAGNOSIS_WORD_SIZE], reason[DIAGNOSIS_VALUE_SIZE] = "";
    bool is_full = state->free_bytes < FULL_BYTES;

    diagnosis_word(state->output, word);
    if (state->output_error) {
        if (strerror_r(state->output_error, reason, sizeof reason)) {
            reason[0] = '\0';
        }
        finding = diagnosis_add(diagnosis, DIAGNOSIS_HOST_OUTPUT, state->output,
                                "the file cannot be written");
        diagnosis_fix(finding, "namei -l %s", word);
        diagnosis_text(finding, "reason", reason);
        return;
    }
    if (!is_full && state->free_bytes >= LEAST_FREE_BYTES &&
        diagnosis_is_share(state->free_bytes, state->file_system_bytes,
                           LEAST_FREE_PERCENT)) {
        return;
    }
    finding = diagnosis_add(
        diagnosis, is_full ? DIAGNOSIS_HOST_DISK_FULL : DIAGNOSIS_HOST_DISK,
        state->output, "only %" PRIu64 " MiB of the file system are free",
        state->free_bytes >> 20);
    diagnosis_fix(finding, "df -h %s", word);
    diagnosis_number(finding, "free_bytes", state->free_bytes);
    diagnosis_number(finding, "file_system_bytes", state->file_system_bytes);
}
