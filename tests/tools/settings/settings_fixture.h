/* Settings made of text, for their tests. */

#ifndef TESTS_TOOLS_SETTINGS_FIXTURE_H
#define TESTS_TOOLS_SETTINGS_FIXTURE_H

#include "tests/support/test.h"

#include "rules/problems.h"
#include "tools/settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct settings settings;
    struct problems problems;
    bool good;
};

static inline struct fixture *
load(const char *text)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    problems_init(&f->problems);
    f->good = settings_load_bytes(&f->settings, "s.yaml", text, strlen(text),
                                  &f->problems);
    return f;
}

static inline void
done(struct fixture *f)
{
    problems_done(&f->problems);
    free(f);
}

static inline struct fixture *
load_good(const char *text)
{
    struct fixture *f = load(text);

    if (!f->good) {
        problems_print(&f->problems, stderr);
    }
    assert_true(f->good);
    return f;
}

/* One mistake, of this code, at this place, with this in its message. */
static inline void
assert_refused(const char *text, const char *code, unsigned line,
               unsigned column, const char *part)
{
    struct fixture *f = load(text);

    if (f->problems.n_errors != 1) {
        problems_print(&f->problems, stderr);
    }
    assert_false(f->good);
    assert_int_equal(f->problems.n_errors, 1);
    assert_string_equal(f->problems.list[0].code, code);
    assert_int_equal(f->problems.list[0].line, line);
    assert_int_equal(f->problems.list[0].column, column);
    if (!strstr(f->problems.list[0].message, part)) {
        fail_msg("'%s' is not in '%s'", part, f->problems.list[0].message);
    }
    done(f);
}

#endif
