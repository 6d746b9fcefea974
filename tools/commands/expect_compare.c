/* What a replay showed against what was expected; see expect.h. */

#include "tools/commands/expect.h"
#include "tools/report/text.h"

#include <stdlib.h>
#include <string.h>

enum {
    COLUMN_TEXT = 96 /* The longest is the id of a rule. */
};

enum column {
    COLUMN_RULE,
    COLUMN_SRC,
    COLUMN_DST,
    COLUMN_SERVICE,
    COLUMN_OUTCOME,
    COLUMN_REASON,
    N_COLUMNS
};

/* A violation as a line of the file; 'reason' is "" where the rule says it. */
struct row_text {
    char column[N_COLUMNS][COLUMN_TEXT];
};

struct comparison {
    const struct expect *expect;
    const struct violation_rows *told;
    const struct policy *policy;
    bool *fulfilled; /* Per line. */
    bool *expected;  /* Per violation. */
    FILE *stream;
};

static unsigned differences(const struct expect_line *,
                            const struct violation_row *);
static bool end_matches(const struct expect_end *, const struct addr *,
                        segment_id, bool many);
static bool service_matches(const struct expect_line *,
                            const struct violation_row *);
static bool outcome_matches(const struct expect_line *,
                            const struct violation_row *);
static bool is_one_bit(unsigned);
static void compare(struct comparison *);
static bool fulfil(struct comparison *, const struct expect_line *);
static size_t tell_all(const struct comparison *);
static void tell_missing(const struct comparison *, const struct expect_line *);
static void tell_near(const struct comparison *, const struct expect_line *);
static const struct violation_row *
find_near(const struct comparison *, const struct expect_line *, enum column);
static void tell_unexpected(const struct comparison *,
                            const struct violation_row *);
static void row_text(const struct violation_row *, const struct policy *,
                     struct row_text *);
static void service_text(const struct violation_row *, char text[COLUMN_TEXT]);
static void print_row(const struct row_text *, char separator, FILE *);

size_t
expect_compare(const struct expect *expect, const struct violation_list *list,
               const struct policy *policy, FILE *stream)
{
    struct comparison comparison = {
        .expect = expect,
        .told = &list->told,
        .policy = policy,
        .fulfilled = calloc(expect->n + 1, sizeof(bool)),
        .expected = calloc(list->told.n + 1, sizeof(bool)),
        .stream = stream,
    };
    size_t n = 1;

    if (comparison.fulfilled && comparison.expected) {
        compare(&comparison);
        n = tell_all(&comparison);
    } else {
        fputs("segmon replay: out of memory\n", stream);
    }
    free(comparison.fulfilled);
    free(comparison.expected);
    return n;
}

void
expect_write(const struct violation_list *list, const struct policy *policy,
             FILE *stream)
{
    struct row_text text;

    fputs("# The violations of a replay under policy ", stream);
    text_print(policy_name(policy), stream);
    fputc('@', stream);
    text_print(policy_revision(policy), stream);
    fputs("\n# rule\tsrc\tdst\tservice\toutcome\t[reason]\n", stream);
    for (size_t i = 0; i < list->told.n; i++) {
        row_text(&list->told.rows[i], policy, &text);
        print_row(&text, '\t', stream);
        fputc('\n', stream);
    }
}

static void
compare(struct comparison *comparison)
{
    for (size_t i = 0; i < comparison->expect->n; i++) {
        comparison->fulfilled[i] =
            fulfil(comparison, &comparison->expect->lines[i]);
    }
}

/* Marks the violations that the line expects; false if there are none. */
static bool
fulfil(struct comparison *comparison, const struct expect_line *line)
{
    const struct violation_rows *told = comparison->told;
    bool any = false;

    for (size_t i = 0; i < told->n; i++) {
        bool same = differences(line, &told->rows[i]) == 0;

        comparison->expected[i] |= same;
        any |= same;
    }
    return any;
}

static size_t
tell_all(const struct comparison *comparison)
{
    size_t n_missing = 0, n_unexpected = 0;

    for (size_t i = 0; i < comparison->expect->n; i++) {
        if (!comparison->fulfilled[i] && n_missing++ < EXPECT_MAX_TOLD) {
            tell_missing(comparison, &comparison->expect->lines[i]);
        }
    }
    for (size_t k = 0; k < comparison->told->n; k++) {
        if (!comparison->expected[k] && n_unexpected++ < EXPECT_MAX_TOLD) {
            tell_unexpected(comparison, &comparison->told->rows[k]);
        }
    }
    if (n_missing > EXPECT_MAX_TOLD || n_unexpected > EXPECT_MAX_TOLD) {
        fprintf(comparison->stream, "in all %zu missing, %zu unexpected\n",
                n_missing, n_unexpected);
    }
    return n_missing + n_unexpected;
}

/* The columns in which they differ, a bit each. */
static unsigned
differences(const struct expect_line *line, const struct violation_row *row)
{
    unsigned bits = 0;

    bits |= (unsigned)(!line->any_rule && line->rule != row->rule)
            << COLUMN_RULE;
    bits |=
        (unsigned)!end_matches(&line->src, &row->src, row->src_segment, false)
        << COLUMN_SRC;
    bits |= (unsigned)!end_matches(&line->dst, &row->dst, row->dst_segment,
                                   row->all_dsts)
            << COLUMN_DST;
    bits |= (unsigned)!service_matches(line, row) << COLUMN_SERVICE;
    bits |= (unsigned)!outcome_matches(line, row) << COLUMN_OUTCOME;
    bits |= (unsigned)(!line->any_reason && line->reason != row->reason)
            << COLUMN_REASON;
    return bits;
}

static bool
end_matches(const struct expect_end *end, const struct addr *addr,
            segment_id segment, bool many)
{
    switch (end->kind) {
    case EXPECT_ANY: return true;
    case EXPECT_MANY: return many;
    case EXPECT_PREFIX: return !many && prefix_contains(&end->prefix, addr);
    case EXPECT_SEGMENT: return !many && end->segment == segment;
    }
    return false;
}

/* Of ICMP the type is known: any code of it will do. */
static bool
service_matches(const struct expect_line *line, const struct violation_row *row)
{
    enum service_space space = service_space_of(row->protocol);
    bool icmp = space == SERVICE_ICMP || space == SERVICE_ICMP6;
    uint16_t first = service_position(space, row->protocol, row->port,
                                      (uint8_t)row->port, 0);
    uint16_t last = icmp ? first | 0xff : first;

    if (line->any_service || line->service.any) {
        return true;
    }
    return line->service.space == space && line->many_ports == row->all_ports &&
           (line->many_ports ||
            (line->service.first <= last && line->service.last >= first));
}

static bool
outcome_matches(const struct expect_line *line, const struct violation_row *row)
{
    return line->any_outcome || line->outcome == row->outcome ||
           (line->established && row->outcome == FLOW_OUTCOME_DATA);
}

static bool
is_one_bit(unsigned bits)
{
    return bits && (bits & (bits - 1)) == 0;
}

static void
tell_missing(const struct comparison *comparison,
             const struct expect_line *line)
{
    text_print(comparison->expect->path, comparison->stream);
    fprintf(comparison->stream, ":%u: missing: ", line->number);
    text_print(line->text, comparison->stream);
    tell_near(comparison, line);
    fputc('\n', comparison->stream);
}

/* What was probably meant: a violation nobody expects that differs in one
 * column, the one that most often changes first. */
static void
tell_near(const struct comparison *comparison, const struct expect_line *line)
{
    static const struct {
        enum column column;
        const char *name;
    } order[N_COLUMNS] = {
        {COLUMN_OUTCOME, "outcome"}, {COLUMN_REASON, "reason"},
        {COLUMN_RULE, "rule"},       {COLUMN_SERVICE, "service"},
        {COLUMN_DST, "dst"},         {COLUMN_SRC, "src"}};
    struct row_text text;

    for (size_t i = 0; i < N_COLUMNS; i++) {
        const struct violation_row *row =
            find_near(comparison, line, order[i].column);

        if (row) {
            row_text(row, comparison->policy, &text);
            fprintf(comparison->stream, " (there is one with %s %s)",
                    order[i].name, text.column[order[i].column]);
            return;
        }
    }
}

static const struct violation_row *
find_near(const struct comparison *comparison, const struct expect_line *line,
          enum column column)
{
    const struct violation_rows *told = comparison->told;

    for (size_t i = 0; i < told->n; i++) {
        if (!comparison->expected[i] &&
            differences(line, &told->rows[i]) == 1U << column) {
            return &told->rows[i];
        }
    }
    return NULL;
}

static void
tell_unexpected(const struct comparison *comparison,
                const struct violation_row *row)
{
    const struct expect *expect = comparison->expect;
    const struct policy *policy = comparison->policy;
    unsigned number = expect->n_read + 1;
    struct row_text text;

    for (size_t i = expect->n; i-- > 0;) {
        if (!comparison->fulfilled[i] &&
            is_one_bit(differences(&expect->lines[i], row))) {
            number = expect->lines[i].number;
        }
    }
    row_text(row, policy, &text);
    text_print(expect->path, comparison->stream);
    fprintf(comparison->stream, ":%u: unexpected: ", number);
    print_row(&text, ' ', comparison->stream);
    fprintf(comparison->stream, " (%s to %s)\n",
            policy_segment(policy, row->src_segment)->name,
            policy_segment(policy, row->dst_segment)->name);
}

static void
row_text(const struct violation_row *row, const struct policy *policy,
         struct row_text *text)
{
    char addr[ADDR_TEXT_SIZE];
    const char *texts[N_COLUMNS] = {[COLUMN_REASON] = ""};

    texts[COLUMN_RULE] =
        row->rule < 0 ? "*" : policy_rule(policy, (uint32_t)row->rule)->id;
    texts[COLUMN_SRC] = addr_format(&row->src, text->column[COLUMN_SRC]);
    texts[COLUMN_DST] = row->all_dsts ? "many" : addr_format(&row->dst, addr);
    texts[COLUMN_OUTCOME] = flow_outcome_name(row->outcome == FLOW_OUTCOME_DATA
                                                  ? FLOW_OUTCOME_ESTABLISHED
                                                  : row->outcome);
    if (row->reason != VERDICT_REASON_RULE &&
        row->reason != VERDICT_REASON_DEFAULT) {
        texts[COLUMN_REASON] = verdict_reason_name(row->reason);
    }
    service_text(row, text->column[COLUMN_SERVICE]);
    for (size_t i = 0; i < N_COLUMNS; i++) {
        if (texts[i] && texts[i] != text->column[i]) {
            snprintf(text->column[i], COLUMN_TEXT, "%s", texts[i]);
        }
    }
}

static void
service_text(const struct violation_row *row, char text[COLUMN_TEXT])
{
    static const char *const spaces[SERVICE_N_SPACES] = {
        [SERVICE_TCP] = "tcp",     [SERVICE_UDP] = "udp",
        [SERVICE_SCTP] = "sctp",   [SERVICE_ICMP] = "icmp",
        [SERVICE_ICMP6] = "icmp6", [SERVICE_PROTOCOL] = "ip"};
    enum service_space space = service_space_of(row->protocol);

    if (row->all_ports) {
        snprintf(text, COLUMN_TEXT, "%s/many", spaces[space]);
    } else {
        snprintf(text, COLUMN_TEXT, "%s/%u", spaces[space],
                 space == SERVICE_PROTOCOL ? row->protocol : row->port);
    }
}

static void
print_row(const struct row_text *text, char separator, FILE *stream)
{
    for (size_t i = 0; i < N_COLUMNS && text->column[i][0]; i++) {
        if (i) {
            fputc(separator, stream);
        }
        text_print(text->column[i], stream);
    }
}
