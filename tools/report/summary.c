/* The summary of a run; see summary.h.
 *
 * Made to be read top-down: what was read, what the policy says about it, where
 * the trouble is, and how far the numbers can be trusted. */

#include "tools/report/summary.h"

#include "tools/report/losses.h"
#include "tools/report/matrix.h"
#include "tools/report/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TOP_FINDINGS = 10,
    TOP_APPLICATIONS = 8,
    MAX_DAMAGED = 10, /* Files told one by one. */
    LABEL_COLUMNS = 13
};

static void print_head(const struct summary *, FILE *);
static void print_times(const struct event_status *, FILE *);
static void print_verdicts(const struct summary *, FILE *);
static void print_findings(const struct summary *, FILE *);
static void print_finding(const struct summary *, const struct tally_finding *,
                          FILE *);
static void print_applications(const struct summary *, FILE *);
static void print_apart(uint64_t count, const char *text, FILE *);
static void print_notes(const struct summary *, FILE *);
static void print_trust(const struct summary *, FILE *);
static void print_damaged(const struct event_status *, FILE *);
static void print_lost(const struct event_status *, FILE *);
static void print_error(const struct error *, FILE *);
static void print_not_decoded(const struct event_status *, FILE *);
static void note(FILE *, uint64_t count, const char *text);
static int compare_findings(const void *, const void *);
static int compare_applications(const void *, const void *);

void
summary_print(const struct summary *summary, FILE *stream)
{
    print_head(summary, stream);
    print_verdicts(summary, stream);
    matrix_print(summary, stream);
    print_findings(summary, stream);
    print_applications(summary, stream);
    print_notes(summary, stream);
}

static void
print_head(const struct summary *summary, FILE *stream)
{
    const struct event_status *status = summary->status;
    const struct tally *tally = summary->tally;
    char frames[TEXT_NUMBER_SIZE];
    char bytes[TEXT_NUMBER_SIZE];
    char flows[TEXT_NUMBER_SIZE];

    fprintf(stream, "%-*s %s packets, %s, in %zu file%s\n", LABEL_COLUMNS,
            "read", text_count(status->frames, frames),
            text_bytes(status->bytes, bytes), status->n_files,
            status->n_files == 1 ? "" : "s");
    print_times(status, stream);
    fprintf(stream,
            "%-*s %s: %" PRIu64 " tcp, %" PRIu64 " udp, %" PRIu64
            " icmp, %" PRIu64 " other\n",
            LABEL_COLUMNS, "flows", text_count(tally->flows, flows), tally->tcp,
            tally->udp, tally->icmp, tally->other);
    fprintf(stream, "%-*s ", LABEL_COLUMNS, "policy");
    text_print(policy_name(status->policy), stream);
    fputc('@', stream);
    text_print(policy_revision(status->policy), stream);
    fprintf(stream, " (%.12s)\n", policy_sha256(status->policy));
}

static void
print_times(const struct event_status *status, FILE *stream)
{
    char text[2][32];
    const int64_t seconds[2] = {status->first_packet.ns / SECOND_NS,
                                status->last_packet.ns / SECOND_NS};

    if (status->first_packet.ns == 0 && status->last_packet.ns == 0) {
        return;
    }
    for (size_t i = 0; i < 2; i++) {
        time_t t = (time_t)seconds[i];
        struct tm tm;

        gmtime_r(&t, &tm);
        strftime(text[i], sizeof text[i], "%Y-%m-%d %H:%M:%S", &tm);
    }
    fprintf(stream, "%-*s %s to %s UTC (%" PRId64 " s)\n", LABEL_COLUMNS,
            "between", text[0], text[1], seconds[1] - seconds[0]);
}

static void
print_verdicts(const struct summary *summary, FILE *stream)
{
    static const enum decision order[EVENT_N_VERDICTS] = {
        DECISION_DENY,    DECISION_ALERT,   DECISION_PENDING,
        DECISION_OBSERVE, DECISION_RELATED, DECISION_ALLOW};
    const struct tally *tally = summary->tally;
    const char *separator = "";

    fprintf(stream, "%-*s ", LABEL_COLUMNS, "verdicts");
    for (size_t i = 0; i < EVENT_N_VERDICTS; i++) {
        uint64_t n = tally->verdicts[order[i]];

        if (n) {
            fprintf(stream, "%s%" PRIu64 " %s", separator, n,
                    event_verdict_name(order[i]));
            separator = ", ";
        }
    }
    fprintf(stream, "%s\n", separator[0] ? "" : "none");
    if (tally->got_through) {
        fprintf(stream, "%-*s %s%" PRIu64 " of the violations got through%s\n",
                LABEL_COLUMNS, "", text_color(summary->color, TEXT_RED),
                tally->got_through, text_color(summary->color, TEXT_PLAIN));
    }
    print_apart(summary->tally->suppressed,
                "of the violations are suppressed by the policy", stream);
    print_apart(summary->tally->staged,
                "more would be violations by staged rules", stream);
}

static void
print_apart(uint64_t count, const char *text, FILE *stream)
{
    if (count) {
        fprintf(stream, "%-*s %" PRIu64 " %s\n", LABEL_COLUMNS, "", count,
                text);
    }
}

static void
print_findings(const struct summary *summary, FILE *stream)
{
    const struct tally *tally = summary->tally;
    struct tally_finding *sorted;
    size_t n = tally->n_findings;

    if (n == 0) {
        return;
    }
    sorted = malloc(n * sizeof *sorted);
    if (!sorted) {
        return;
    }
    memcpy(sorted, tally->findings, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_findings);
    fputs("\nviolations (flows, worst outcome, rule)\n", stream);
    for (size_t i = 0; i < n && i < TOP_FINDINGS; i++) {
        print_finding(summary, &sorted[i], stream);
    }
    if (n > TOP_FINDINGS) {
        fprintf(stream, "  and %zu more kinds\n", n - TOP_FINDINGS);
    }
    free(sorted);
}

static void
print_finding(const struct summary *summary,
              const struct tally_finding *finding, FILE *stream)
{
    const struct policy *policy = summary->status->policy;
    const struct policy_rule *rule =
        finding->rule == VERDICT_NO_RULE
            ? NULL
            : policy_rule(policy, (uint32_t)finding->rule);
    const char *protocol = packet_protocol_name(finding->protocol);
    char src[ADDR_TEXT_SIZE];
    char dst[ADDR_TEXT_SIZE];

    fprintf(stream, "  %6" PRIu64 "  %s%-11s%s  %s", finding->flows,
            text_color(summary->color,
                       finding->worst == FLOW_OUTCOME_DATA ||
                               finding->worst == FLOW_OUTCOME_ESTABLISHED
                           ? TEXT_RED
                           : TEXT_YELLOW),
            flow_outcome_name(finding->worst),
            text_color(summary->color, TEXT_PLAIN), rule ? rule->id : "?");
    if (finding->reason >= VERDICT_REASON_REQUIRE_APP &&
        finding->reason != VERDICT_REASON_DETECTED) {
        fprintf(stream, " (%s)", verdict_reason_name(finding->reason));
    }
    fprintf(stream, "\n%21s %s -> %s, as %s -> %s %s", "",
            policy_segment(policy, finding->src_segment)->name,
            policy_segment(policy, finding->dst_segment)->name,
            addr_format(&finding->src, src),
            finding->all_dsts ? "*" : addr_format(&finding->dst, dst),
            protocol ? protocol : "protocol");
    if (finding->port) {
        fprintf(stream, "/%u", finding->port);
    } else if (!protocol) {
        fprintf(stream, " %u", finding->protocol);
    }
    fprintf(stream, " %s\n", finding->application);
    if (rule && rule->title[0]) {
        fprintf(stream, "%21s ", "");
        text_print(rule->title, stream);
        fputc('\n', stream);
    }
}

static void
print_applications(const struct summary *summary, FILE *stream)
{
    const struct tally *tally = summary->tally;
    size_t n = tally->n_applications;
    struct tally_application *sorted = n ? malloc(n * sizeof *sorted) : NULL;

    if (!sorted) {
        return;
    }
    memcpy(sorted, tally->applications, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, compare_applications);
    fputs("\napplications (flows, bytes)\n", stream);
    for (size_t i = 0; i < n && i < TOP_APPLICATIONS; i++) {
        char bytes[TEXT_NUMBER_SIZE];

        fprintf(stream, "  %6" PRIu64 "  %9s  %s\n", sorted[i].flows,
                text_bytes(sorted[i].bytes, bytes), sorted[i].name);
    }
    if (n > TOP_APPLICATIONS) {
        fprintf(stream, "  and %zu more\n", n - TOP_APPLICATIONS);
    }
    free(sorted);
}

static void
print_notes(const struct summary *summary, FILE *stream)
{
    char *text = NULL;
    size_t size = 0;
    FILE *notes = open_memstream(&text, &size);

    if (notes) {
        print_trust(summary, notes);
        fclose(notes);
        fputs(size ? "\nnotes\n" : "\nnothing was lost or left out\n", stream);
        fputs(text, stream);
        free(text);
    }
}

/* Everything that makes the numbers above less than the whole truth. */
static void
print_trust(const struct summary *summary, FILE *stream)
{
    const struct event_status *status = summary->status;
    const struct tally *tally = summary->tally;

    print_damaged(status, stream);
    print_lost(status, stream);
    note(stream, summary->n_skipped_files,
         "files in the folders are no captures");
    print_not_decoded(status, stream);
    note(stream, status->filtered, "packets left out by the filter");
    note(stream, tally->missed_bytes, "bytes of TCP content not captured");
    note(stream, tally->duplicates, "duplicate packets (doubled span port?)");
    note(stream, tally->one_sided, "TCP flows seen from one side only");
    note(stream, tally->midstream, "TCP flows whose start was not seen");
    note(stream, tally->guessed_direction,
         "flows whose initiator is only who was seen first");
    note(stream, status->flows.evicted,
         "flows ended early because the table was full");
    note(stream, status->collapsed,
         "attempts told together: the table was nearly full");
    note(stream, status->flows.fragments_orphaned,
         "fragments without their first one");
    note(stream, status->application ? status->application->refused : 0,
         "flows not inspected: out of memory");
    note(stream, status->application ? status->application->given_up : 0,
         "flows inspected no further: --dpi-memory was used up");
    note(stream, status->application ? status->application->details_lost : 0,
         "flows whose details were left out: --flow-memory was used up");
    note(stream, status->violations.overflow,
         "violations not told one by one, or without looking for repetitions: "
         "too many at once");
    note(stream, tally->findings_left_out, "violations of further kinds");
    if (tally->out_of_memory) {
        fputs("  some flows are missing here: out of memory\n", stream);
    }
}

static void
print_damaged(const struct event_status *status, FILE *stream)
{
    uint64_t n = 0;

    for (size_t i = 0; i < status->n_files; i++) {
        const struct error *error = status->files[i].error;

        if (error && error->code != ERROR_NONE && ++n <= MAX_DAMAGED) {
            print_error(error, stream);
        }
    }
    note(stream, n > MAX_DAMAGED ? n - MAX_DAMAGED : 0,
         "damaged files more than these");
}

/* Events that did not reach an output, and why. */
static void
print_lost(const struct event_status *status, FILE *stream)
{
    for (size_t i = 0; i < status->n_outputs; i++) {
        const struct event_output *output = &status->outputs[i];
        struct losses losses = losses_of(output);
        char origin[LOSSES_ORIGIN_SIZE];

        if (losses.waiting) {
            fprintf(stream, "  %" PRIu64 " events wait in the spool for ",
                    losses.waiting);
            text_print(output->name, stream);
            fputc('\n', stream);
        }
        if (losses.lost) {
            fprintf(stream,
                    "  %" PRIu64 " of %" PRIu64 " events did not reach ",
                    losses.lost, losses.came);
            text_print(output->name, stream);
            fprintf(stream, "%s:\n  ", losses_origin(&losses, origin));
            print_error(&output->error, stream);
        }
    }
}

static void
print_error(const struct error *error, FILE *stream)
{
    char text[sizeof error->where + sizeof error->message + 32];

    error_format(error, text, sizeof text);
    fputs("  ", stream);
    text_print(text, stream);
    fputc('\n', stream);
}

static void
print_not_decoded(const struct event_status *status, FILE *stream)
{
#define HELP_OF(NAME, LABEL, HELP) [DISSECT_##NAME] = HELP,
    static const char *const help[] = {DISSECT_RESULTS(HELP_OF)};
#undef HELP_OF

    for (size_t i = 0; i < DISSECT_N_RESULTS; i++) {
        if (i != DISSECT_OK && status->dissected[i]) {
            fprintf(stream, "  %" PRIu64 " packets not counted in flows: %s\n",
                    status->dissected[i], help[i]);
        }
    }
}

static void
note(FILE *stream, uint64_t count, const char *text)
{
    if (count) {
        fprintf(stream, "  %" PRIu64 " %s\n", count, text);
    }
}

/* What got through first, then by number. */
static int
compare_findings(const void *left, const void *right)
{
    const struct tally_finding *a = left;
    const struct tally_finding *b = right;
    bool a_through = a->worst >= FLOW_OUTCOME_ESTABLISHED;
    bool b_through = b->worst >= FLOW_OUTCOME_ESTABLISHED;

    if (a_through != b_through) {
        return a_through ? -1 : 1;
    }
    if (a->flows != b->flows) {
        return a->flows > b->flows ? -1 : 1;
    }
    if (a->rule != b->rule) {
        return a->rule < b->rule ? -1 : 1;
    }
    if (a->src_segment != b->src_segment) {
        return a->src_segment < b->src_segment ? -1 : 1;
    }
    return a->dst_segment < b->dst_segment ? -1 : 1;
}

static int
compare_applications(const void *left, const void *right)
{
    const struct tally_application *a = left;
    const struct tally_application *b = right;

    if (a->flows != b->flows) {
        return a->flows > b->flows ? -1 : 1;
    }
    return strcmp(a->name, b->name);
}
