/* yaml_doc.h */

#include "tests/support/test.h"

#include "rules/load/yaml_doc.h"
#include "rules/problems.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
    struct arena arena;
    struct problems problems;
    const struct yaml_node *root;
};

static void
parse_bytes(struct fixture *f, const char *bytes, size_t size)
{
    *f = (struct fixture){0};
    problems_init(&f->problems);
    f->root = yaml_doc_parse(&f->arena, "p.yaml", bytes, size, &f->problems);
}

static void
parse(struct fixture *f, const char *text)
{
    parse_bytes(f, text, strlen(text));
}

static void
done(struct fixture *f)
{
    problems_done(&f->problems);
    arena_done(&f->arena);
}

static void
assert_refused(const char *text, const char *code, unsigned line,
               unsigned column)
{
    struct fixture f;

    parse(&f, text);
    assert_int_equal(f.problems.n_errors, 1);
    assert_string_equal(f.problems.list[0].code, code);
    assert_int_equal(f.problems.list[0].line, line);
    assert_int_equal(f.problems.list[0].column, column);
    done(&f);
}

static void
nodes_keep_their_place_and_their_spelling(void **state)
{
    const struct yaml_node *node;
    struct fixture f;

    (void)state;
    parse(&f, "version: 1\nlist:\n  - no\n  - \"010\"\n");
    assert_non_null(f.root);
    node = yaml_doc_get(f.root, "list");
    assert_int_equal(node->n, 2);
    assert_string_equal(node->items[0]->text, "no");
    assert_false(node->items[0]->quoted);
    assert_string_equal(node->items[1]->text, "010");
    assert_true(node->items[1]->quoted);
    assert_int_equal(node->items[1]->line, 4);
    assert_int_equal(node->items[1]->column, 5);
    assert_null(yaml_doc_get(f.root, "rules"));
    done(&f);
}

static void
explicit_keys_beat_merged_ones_and_earlier_merges_later(void **state)
{
    const struct yaml_node *node;
    struct fixture f;

    (void)state;
    parse(&f, "a: &a {x: 1, y: 1}\nb: &b {x: 2, y: 2, z: 2}\n"
              "c: {y: 3, <<: [*a, *b]}\n");
    node = yaml_doc_get(f.root, "c");
    assert_int_equal(f.problems.n, 0);
    assert_int_equal(node->n, 3);
    assert_string_equal(yaml_doc_get(node, "x")->text, "1");
    assert_string_equal(yaml_doc_get(node, "y")->text, "3");
    assert_string_equal(yaml_doc_get(node, "z")->text, "2");
    done(&f);
}

static void
what_libyaml_lets_through_is_refused(void **state)
{
    (void)state;
    assert_refused("a: 1\nb: 2\na: 3\n", "E-DUPKEY", 3, 1);
    assert_refused("a: !x 1\n", "E-TAG", 1, 4);
    assert_refused("a: !!map {}\n", "E-TAG", 1, 4);
    assert_refused("a: 1\n---\nb: 2\n", "E-YAML", 2, 1);
    assert_refused("a: \"x\\0y\"\n", "E-YAML", 1, 4);
    assert_refused("? [a]\n: 1\n", "E-YAML", 1, 3);
    assert_refused("a: *b\n", "E-YAML", 1, 4);
    assert_refused("a: &x [1, *x]\n", "E-CYCLE", 1, 11);
    assert_refused("a: {<<: 7}\n", "E-TYPE", 1, 9);
    assert_refused("# nothing\n", "E-EMPTY", 1, 1);
    assert_refused("a: [::1]\n", "E-YAML", 1, 5);
    assert_refused("a: \xff\n", "E-YAML", 1, 4);
}

static void
a_byte_order_mark_is_not_part_of_the_text(void **state)
{
    struct fixture f;

    (void)state;
    parse(&f, "\xef\xbb\xbfversion: 1\nrules: []\n");
    assert_non_null(f.root);
    assert_non_null(yaml_doc_get(f.root, "version"));
    assert_int_equal(f.root->entries[0].key->column, 1);
    done(&f);
    assert_refused("\xef\xbb\xbf", "E-EMPTY", 1, 1);
}

static void
nesting_stops_at_its_limit(void **state)
{
    char text[2 * YAML_DOC_MAX_DEPTH + 3];
    struct fixture f;

    (void)state;
    memset(text, '[', YAML_DOC_MAX_DEPTH);
    memset(text + YAML_DOC_MAX_DEPTH, ']', YAML_DOC_MAX_DEPTH);
    text[sizeof text - 3] = '\0';
    parse(&f, text);
    assert_non_null(f.root);
    done(&f);
    memset(text, '[', YAML_DOC_MAX_DEPTH + 1);
    parse(&f, text);
    assert_null(f.root);
    assert_string_equal(f.problems.list[0].code, "E-LIMIT");
    done(&f);
}

static void
a_million_brackets_are_refused_at_once(void **state)
{
    char *text = malloc(YAML_DOC_MAX_BYTES);
    struct fixture f;

    (void)state;
    assert_non_null(text);
    memset(text, '[', YAML_DOC_MAX_BYTES);
    parse_bytes(&f, text, YAML_DOC_MAX_BYTES);
    assert_null(f.root);
    done(&f);
    free(text);
}

static void
billions_of_laughs_are_refused(void **state)
{
    char text[2000];
    size_t n;
    struct fixture f;

    (void)state;
    n = (size_t)snprintf(text, sizeof text, "a0: &a0 [x, x, x, x, x, x]\n");
    for (int i = 1; i < 12; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n,
                              "a%d: &a%d [*a%d, *a%d, *a%d, *a%d, *a%d]\n", i,
                              i, i - 1, i - 1, i - 1, i - 1, i - 1);
    }
    parse(&f, text);
    assert_null(f.root);
    assert_string_equal(f.problems.list[0].code, "E-LIMIT");
    done(&f);
}

/* Without the NUL. */
static size_t
put(char *text, size_t n, const char *part)
{
    while (*part) {
        text[n++] = *part++;
    }
    return n;
}

static void
values_stop_at_their_limit(void **state)
{
    size_t size = (size_t)2 * (YAML_DOC_MAX_NODES + 1);
    char *text = malloc(size);
    struct fixture f;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < size; i += 2) {
        (void)put(text, i, "a,");
    }
    text[0] = '[';
    text[1] = ' ';
    text[size - 2] = ']'; /* The list itself counts too. */
    text[size - 1] = '\n';
    parse_bytes(&f, text, size);
    assert_non_null(f.root);
    assert_int_equal(f.root->n, YAML_DOC_MAX_NODES - 1);
    done(&f);
    (void)put(text, size - 2, "a]");
    parse_bytes(&f, text, size);
    assert_null(f.root);
    assert_string_equal(f.problems.list[0].code, "E-LIMIT");
    assert_int_equal(f.problems.list[0].line, 1);
    done(&f);
    free(text);
}

static void
doubles_are_told_of_what_was_read_before_a_limit(void **state)
{
    char *text = malloc(YAML_DOC_MAX_BYTES);
    struct fixture f;

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i + 5 <= YAML_DOC_MAX_BYTES; i += 5) {
        (void)put(text, i, "a: 1\n");
    }
    parse_bytes(&f, text, (size_t)YAML_DOC_MAX_BYTES / 5 * 5);
    assert_null(f.root);
    assert_string_equal(f.problems.list[0].code, "E-DUPKEY");
    assert_int_equal(f.problems.list[0].line, 2);
    assert_int_equal(f.problems.n_errors, YAML_DOC_MAX_NODES / 2 - 1);
    done(&f);
    free(text);
}

static void
aliases_stop_at_their_limit(void **state)
{
    char *text = malloc((size_t)5 * YAML_DOC_MAX_ALIASED + 100);
    struct fixture f;
    size_t n;

    (void)state;
    assert_non_null(text);
    n = put(text, 0, "- &a x\n");
    for (size_t i = 0; i < YAML_DOC_MAX_ALIASED; i++) {
        n = put(text, n, "- *a\n");
    }
    parse_bytes(&f, text, n);
    assert_non_null(f.root);
    assert_int_equal(f.root->n, YAML_DOC_MAX_ALIASED + 1);
    done(&f);
    n = put(text, n, "- *a\n");
    parse_bytes(&f, text, n);
    assert_null(f.root);
    assert_string_equal(f.problems.list[0].code, "E-LIMIT");
    assert_int_equal(f.problems.list[0].line, YAML_DOC_MAX_ALIASED + 2);
    done(&f);
    free(text);
}

static void
an_anchor_may_be_set_again(void **state)
{
    struct fixture f;

    (void)state;
    parse(&f, "- &a x\n- *a\n- &a y\n- *a\n- &b [z]\n- *b\n");
    assert_non_null(f.root);
    assert_string_equal(f.root->items[1]->text, "x");
    assert_string_equal(f.root->items[3]->text, "y");
    assert_int_equal(f.root->items[5]->n, 1);
    done(&f);
}

static void
a_file_over_a_mebibyte_is_refused(void **state)
{
    char *text = calloc(1, YAML_DOC_MAX_BYTES + 1);
    struct fixture f;

    (void)state;
    assert_non_null(text);
    memset(text, '#', YAML_DOC_MAX_BYTES + 1);
    parse_bytes(&f, text, YAML_DOC_MAX_BYTES + 1);
    assert_null(f.root);
    assert_string_equal(f.problems.list[0].code, "E-LIMIT");
    done(&f);
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_keep_their_place_and_their_spelling),
        cmocka_unit_test(
            explicit_keys_beat_merged_ones_and_earlier_merges_later),
        cmocka_unit_test(what_libyaml_lets_through_is_refused),
        cmocka_unit_test(a_byte_order_mark_is_not_part_of_the_text),
        cmocka_unit_test(nesting_stops_at_its_limit),
        cmocka_unit_test(a_million_brackets_are_refused_at_once),
        cmocka_unit_test(billions_of_laughs_are_refused),
        cmocka_unit_test(a_file_over_a_mebibyte_is_refused),
        cmocka_unit_test(values_stop_at_their_limit),
        cmocka_unit_test(doubles_are_told_of_what_was_read_before_a_limit),
        cmocka_unit_test(aliases_stop_at_their_limit),
        cmocka_unit_test(an_anchor_may_be_set_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
