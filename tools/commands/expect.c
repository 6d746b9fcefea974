/* Reading what is expected of a replay; see expect.h.  expect_compare.c holds
 * the violations against it. */

#include "tools/commands/expect.h"

#include "rules/names.h"
#include "rules/problems.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    MIN_COLUMNS = 5,
    MAX_COLUMNS = 6
};

/* One line being read. */
struct reader {
    struct expect *expect;
    const struct policy *policy;
    struct problems *problems;
    unsigned line;
    char text[EXPECT_MAX_LINE + 1];
    char *column[MAX_COLUMNS];
    unsigned position[MAX_COLUMNS]; /* Of its first byte, from 1. */
    size_t n_columns;
};

typedef bool column_parser(struct reader *, const char *text,
                           struct expect_line *, struct name_suggestion *);

static bool read_lines(struct reader *, FILE *);
static bool read_text(FILE *, char text[EXPECT_MAX_LINE + 1], size_t *size);
static bool read_line(struct reader *, char *text, size_t size);
static bool split(struct reader *, char *text);
static bool parse_columns(struct reader *, struct expect_line *);
static column_parser parse_rule;
static column_parser parse_src;
static column_parser parse_dst;
static column_parser parse_service;
static column_parser parse_outcome;
static column_parser parse_reason;
static bool parse_end(const struct policy *, const char *text,
                      struct expect_end *, struct name_suggestion *);
static bool add_line(struct reader *, const struct expect_line *);
static char *join(const struct reader *);
static bool complain(struct reader *, unsigned position, const char *text);
static bool is_blank(char);

static const struct {
    column_parser *parse;
    const char *wanted;
} columns[MAX_COLUMNS] = {
    {parse_rule, "is no rule of the policy"},
    {parse_src, "is no address, prefix or segment"},
    {parse_dst, "is no address, prefix or segment, nor 'many'"},
    {parse_service, "is no service such as tcp/22, icmp/8 or tcp/many"},
    {parse_outcome, "is no outcome: attempt, refused or established"},
    {parse_reason, "is no reason such as rule, default or require.tls_min"},
};

bool
expect_load(struct expect *expect, const char *path,
            const struct policy *policy, struct problems *problems)
{
    struct reader reader = {
        .expect = expect, .policy = policy, .problems = problems};
    FILE *file = fopen(path, "r");
    bool good;

    *expect = (struct expect){.path = path};
    if (!file) {
        problems_add(problems, PROBLEM_ERROR, "E-FILE", path, 0, 0, "%s",
                     strerror(errno));
        return false;
    }
    good = read_lines(&reader, file);
    if (ferror(file)) {
        problems_add(problems, PROBLEM_ERROR, "E-FILE", path, 0, 0,
                     "cannot be read");
        good = false;
    }
    fclose(file);
    expect->n_read = reader.line;
    return good;
}

void
expect_done(struct expect *expect)
{
    for (size_t i = 0; i < expect->n; i++) {
        free(expect->lines[i].text);
    }
    free(expect->lines);
    *expect = (struct expect){.path = NULL};
}

static bool
read_lines(struct reader *reader, FILE *file)
{
    bool good = true;
    size_t size;

    while (read_text(file, reader->text, &size)) {
        reader->line++;
        if (size > EXPECT_MAX_LINE) {
            good = complain(reader, EXPECT_MAX_LINE + 1,
                            "the line is longer than 512 bytes");
            continue;
        }
        good &= read_line(reader, reader->text, size);
        if (reader->expect->n > EXPECT_MAX_LINES) {
            return complain(reader, 1, "more than 20000 violations; use '*'");
        }
    }
    return good;
}

/* The next line, without its end; 'size' is more than EXPECT_MAX_LINE if it did
 * not fit.  False at the end of the file. */
static bool
read_text(FILE *file, char text[EXPECT_MAX_LINE + 1], size_t *size)
{
    int c = getc(file);
    bool any = c != EOF;

    for (*size = 0; c != EOF && c != '\n'; c = getc(file)) {
        if (*size < EXPECT_MAX_LINE) {
            text[*size] = (char)c;
        }
        *size += *size <= EXPECT_MAX_LINE;
    }
    text[*size < EXPECT_MAX_LINE ? *size : EXPECT_MAX_LINE] = '\0';
    return any;
}

static bool
read_line(struct reader *reader, char *text, size_t size)
{
    struct expect_line line = {.number = reader->line};

    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)text[i] < ' ' && !is_blank(text[i])) {
            return complain(reader, (unsigned)i + 1, "a control character");
        }
    }
    if (!split(reader, text)) {
        return false;
    }
    if (reader->n_columns == 0) {
        return true;
    }
    if (reader->n_columns < MIN_COLUMNS) {
        return complain(reader, reader->position[0],
                        "too few columns; a line is: rule src dst service "
                        "outcome [reason]");
    }
    return parse_columns(reader, &line) && add_line(reader, &line);
}

/* Cuts 'text' at blanks, up to a comment. */
static bool
split(struct reader *reader, char *text)
{
    char *at = text;

    reader->n_columns = 0;
    for (;;) {
        while (is_blank(*at)) {
            *at++ = '\0';
        }
        if (!*at || *at == '#') {
            return true;
        }
        if (reader->n_columns == MAX_COLUMNS) {
            return complain(reader, (unsigned)(at - text) + 1,
                            "too many columns; a comment begins with '#'");
        }
        reader->column[reader->n_columns] = at;
        reader->position[reader->n_columns++] = (unsigned)(at - text) + 1;
        while (*at && !is_blank(*at)) {
            at++;
        }
    }
}

static bool
parse_columns(struct reader *reader, struct expect_line *line)
{
    bool good = true;

    line->any_reason = true;
    for (size_t i = 0; i < reader->n_columns; i++) {
        const char *text = reader->column[i];
        struct name_suggestion suggestion;
        char said[2 * EXPECT_MAX_LINE], hint[NAME_SUGGESTION_SIZE];

        name_suggestion_init(&suggestion, text);
        if (!columns[i].parse(reader, text, line, &suggestion)) {
            snprintf(said, sizeof said, "'%.100s' %s%s", text,
                     columns[i].wanted,
                     name_suggestion_text(&suggestion, hint));
            good = complain(reader, reader->position[i], said);
        }
    }
    return good;
}

static bool
parse_rule(struct reader *reader, const char *text, struct expect_line *line,
           struct name_suggestion *suggestion)
{
    const struct policy *policy = reader->policy;

    line->any_rule = strcmp(text, "*") == 0;
    line->rule = VERDICT_NO_RULE;
    for (uint32_t i = 0; !line->any_rule && i < policy_n_rules(policy); i++) {
        const char *id = policy_rule(policy, i)->id;

        if (strcmp(id, text) == 0) {
            line->rule = (int32_t)i;
            return true;
        }
        name_suggestion_offer(suggestion, id);
    }
    return line->any_rule;
}

static bool
parse_src(struct reader *reader, const char *text, struct expect_line *line,
          struct name_suggestion *suggestion)
{
    return parse_end(reader->policy, text, &line->src, suggestion) &&
           line->src.kind != EXPECT_MANY;
}

static bool
parse_dst(struct reader *reader, const char *text, struct expect_line *line,
          struct name_suggestion *suggestion)
{
    return parse_end(reader->policy, text, &line->dst, suggestion);
}

static bool
parse_end(const struct policy *policy, const char *text, struct expect_end *end,
          struct name_suggestion *suggestion)
{
    *end = (struct expect_end){.kind = EXPECT_ANY};
    if (strcmp(text, "*") == 0) {
        return true;
    }
    if (strcmp(text, "many") == 0) {
        end->kind = EXPECT_MANY;
        return true;
    }
    if (prefix_parse(text, &end->prefix)) {
        end->kind = EXPECT_PREFIX;
        return !prefix_has_host_bits(&end->prefix);
    }
    end->kind = EXPECT_SEGMENT;
    for (size_t i = 0; i < policy_n_segments(policy); i++) {
        const char *name = policy_segment(policy, (segment_id)i)->name;

        if (strcmp(name, text) == 0) {
            end->segment = (segment_id)i;
            return true;
        }
        name_suggestion_offer(suggestion, name);
    }
    return false;
}

static bool
parse_service(struct reader *reader, const char *text, struct expect_line *line,
              struct name_suggestion *suggestion)
{
    static const char *const many[] = {"tcp/many", "udp/many", "sctp/many"};
    static const enum service_space spaces[] = {SERVICE_TCP, SERVICE_UDP,
                                                SERVICE_SCTP};
    char hint[SERVICE_MAX_HINT];

    (void)reader;
    (void)suggestion;
    line->any_service = strcmp(text, "*") == 0;
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        if (strcmp(text, many[i]) == 0) {
            line->many_ports = true;
            line->service.space = (uint8_t)spaces[i];
            return true;
        }
    }
    return line->any_service || service_term_parse(text, &line->service, hint);
}

static bool
parse_outcome(struct reader *reader, const char *text, struct expect_line *line,
              struct name_suggestion *suggestion)
{
    (void)reader;
    line->any_outcome = strcmp(text, "*") == 0;
    for (int i = 0; i < FLOW_N_OUTCOMES; i++) {
        const char *name = flow_outcome_name((enum flow_outcome)i);

        if (i != FLOW_OUTCOME_DATA) {
            name_suggestion_offer(suggestion, name);
        }
        if (i != FLOW_OUTCOME_DATA && strcmp(text, name) == 0) {
            line->outcome = (enum flow_outcome)i;
            line->established = i == FLOW_OUTCOME_ESTABLISHED;
            return true;
        }
    }
    return line->any_outcome;
}

static bool
parse_reason(struct reader *reader, const char *text, struct expect_line *line,
             struct name_suggestion *suggestion)
{
    (void)reader;
    line->any_reason = strcmp(text, "*") == 0;
    for (int i = 0; i < VERDICT_N_REASONS; i++) {
        const char *name = verdict_reason_name((enum verdict_reason)i);

        name_suggestion_offer(suggestion, name);
        if (strcmp(text, name) == 0) {
            line->reason = (enum verdict_reason)i;
            return true;
        }
    }
    return line->any_reason;
}

static bool
add_line(struct reader *reader, const struct expect_line *line)
{
    struct expect *expect = reader->expect;
    size_t wanted = expect->capacity ? 2 * expect->capacity : 64;

    if (expect->n == expect->capacity) {
        struct expect_line *larger =
            realloc(expect->lines, wanted * sizeof *larger);

        if (!larger) {
            return complain(reader, 1, "out of memory");
        }
        expect->lines = larger;
        expect->capacity = wanted;
    }
    expect->lines[expect->n] = *line;
    expect->lines[expect->n].text = join(reader);
    if (!expect->lines[expect->n].text) {
        return complain(reader, 1, "out of memory");
    }
    expect->n++;
    return true;
}

/* The columns as they are shown. */
static char *
join(const struct reader *reader)
{
    char *text = malloc(EXPECT_MAX_LINE + 1);
    size_t size = 0;

    for (size_t i = 0; text && i < reader->n_columns; i++) {
        size += (size_t)snprintf(text + size, EXPECT_MAX_LINE + 1 - size,
                                 "%s%s", i ? " " : "", reader->column[i]);
    }
    return text;
}

static bool
complain(struct reader *reader, unsigned position, const char *text)
{
    problems_add(reader->problems, PROBLEM_ERROR, "E-EXPECT",
                 reader->expect->path, reader->line, position, "%s", text);
    return false;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}
