/* Coverage and expectations of a replay; see replay_watch.h. */

#include "tools/commands/replay_watch.h"

#include "tools/commands/command.h"
#include "tools/report/coverage_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

typedef bool file_writer(const struct replay_watch *, const char *path, FILE *);

static int report_violations(struct replay_watch *,
                             const struct replay_options *,
                             const struct expect *);
static int write_file(const struct replay_watch *, const char *path,
                      file_writer *);
static file_writer write_coverage;
static file_writer write_violations;
static bool ends_in(const char *text, const char *end);

void
replay_watch_init(struct replay_watch *watch,
                  const struct replay_options *options,
                  const struct policy *policy)
{
    *watch = (struct replay_watch){
        .policy = policy,
        .covers = options->coverage,
        .lists = options->expect || options->expect_write,
    };
    tally_init(&watch->tally, policy);
    violation_list_init(&watch->violations);
    if (watch->covers) {
        coverage_init(&watch->coverage, policy);
    }
}

void
replay_watch_done(struct replay_watch *watch)
{
    tally_done(&watch->tally);
    violation_list_done(&watch->violations);
    if (watch->covers) {
        coverage_done(&watch->coverage);
    }
}

void
replay_watch_flow(void *context, const struct event_flow *flow)
{
    struct replay_watch *watch = context;

    tally_flow(&watch->tally, flow);
    if (watch->covers) {
        coverage_add(&watch->coverage, flow->src_segment, flow->dst_segment,
                     flow->verdict);
    }
    if (watch->lists) {
        violation_list_flow(&watch->violations, flow);
    }
}

void
replay_watch_violation(void *context, const struct event_violation *event)
{
    struct replay_watch *watch = context;

    tally_violation(&watch->tally, event);
    if (watch->lists) {
        violation_list_told(&watch->violations, event);
    }
}

void
replay_watch_merge(struct replay_watch *watch, const struct replay_watch *other)
{
    tally_add(&watch->tally, &other->tally);
    if (watch->covers) {
        coverage_merge(&watch->coverage, &other->coverage);
    }
    violation_list_merge(&watch->violations, &other->violations);
}

int
replay_watch_report(struct replay_watch *watch,
                    const struct replay_options *options,
                    const struct expect *expect)
{
    int status = COMMAND_OK;

    if (options->coverage) {
        status = write_file(watch, options->coverage, write_coverage);
    }
    if (watch->lists) {
        int found = report_violations(watch, options, expect);

        status = status == COMMAND_OK ? found : status;
    }
    return status;
}

/* Of a list that is not complete nothing can be said. */
static int
report_violations(struct replay_watch *watch,
                  const struct replay_options *options,
                  const struct expect *expect)
{
    struct violation_list *list = &watch->violations;
    int status = COMMAND_OK;
    size_t n;

    violation_list_settle(list);
    if (list->overflow || list->out_of_memory) {
        fprintf(stderr,
                "segmon replay: %s: the list of violations is not "
                "complete\n",
                list->overflow ? "more than 20000 violations, or too many "
                                 "kinds of denied flows"
                               : "out of memory");
        return COMMAND_FAILED;
    }
    if (options->expect_write) {
        status = write_file(watch, options->expect_write, write_violations);
    }
    n = expect ? expect_compare(expect, list, watch->policy, stderr) : 0;
    return n ? COMMAND_FAILED : status;
}

static int
write_file(const struct replay_watch *watch, const char *path,
           file_writer *writer)
{
    bool is_stdout = strcmp(path, "-") == 0;
    FILE *file = is_stdout ? stdout : fopen(path, "w");
    bool complete;

    if (!file) {
        fprintf(stderr, "segmon replay: %s: %s\n", path, strerror(errno));
        return COMMAND_FAILED;
    }
    errno = 0;
    complete = writer(watch, path, file) && !ferror(file);
    if (!is_stdout) {
        complete &= fclose(file) == 0;
    }
    if (!complete) {
        fprintf(stderr, "segmon replay: %s: not complete: %s\n", path,
                errno ? strerror(errno) : "out of memory");
    }
    return complete ? COMMAND_OK : COMMAND_FAILED;
}

static bool
write_coverage(const struct replay_watch *watch, const char *path, FILE *file)
{
    if (ends_in(path, ".json")) {
        return coverage_print_json(&watch->coverage, file);
    }
    coverage_print_text(&watch->coverage, "flows", file);
    return !watch->coverage.out_of_memory;
}

static bool
write_violations(const struct replay_watch *watch, const char *path, FILE *file)
{
    (void)path;
    expect_write(&watch->violations, watch->policy, file);
    return true;
}

static bool
ends_in(const char *text, const char *end)
{
    size_t length = strlen(text), wanted = strlen(end);

    return length >= wanted && strcmp(text + length - wanted, end) == 0;
}
