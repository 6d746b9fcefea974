/* See hostile.h. */

#include "tests/rules/hostile.h"

#include "rules/load/yaml_doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEGMENTS                                                               \
    "version: 1\nsegments:\n  a: {networks: [10.1.0.0/16]}\n"                  \
    "  b: {networks: [10.2.0.0/16]}\n"
#define RULE       "{id: r, from: a, to: b, action: allow"
#define TEN(X)     X X X X X X X X X X
#define HUNDRED(X) TEN(TEN(X))

const struct hostile hostile_policies[] = {
    /* Nesting. */
    {"lists in lists", "", "[", "", "E-LIMIT"},
    {"mappings in mappings", "", "{a: ", "", "E-LIMIT"},
    {"lists in one line", "", "- ", "", "E-LIMIT"},
    /* Anchors and aliases. */
    {"one alias", "version: 1\nx-a: &a [1]\nx-b: [", "*a,", "]\n", "E-LIMIT"},
    {"aliases of aliases", "- &q [x]\n",
     "- &p [*q, *q, *q]\n- &q [*p, *p, *p]\n", "", "E-LIMIT"},
    {"anchors", "version: 1\n", "x-@: &a@ 1\n", "", NULL},
    {"anchors and aliases", "version: 1\nx-l:\n", "- &a@ 1\n- *a@\n", "", NULL},
    {"one anchor again and again", "version: 1\nx-l:\n", "- &a 1\n- *a\n", "",
     NULL},
    {"merges of a large mapping",
     "version: 1\nx-m: &m {a: 1, b: 1, c: 1, d: 1, e: 1, z: 1}\nx-l:\n",
     "- {<<: [*m, *m, *m, *m]}\n", "", "E-LIMIT"},
    /* Duplicates. */
    {"one key", "version: 1\n", "a: 1\n", "", "E-DUPKEY"},
    {"one key in one line", "version: 1\nx-a: {", "a: 1,", "}\n", "E-DUPKEY"},
    {"one ignored key", "version: 1\n", "x-a: 1\n", "", "E-DUPKEY"},
    {"empty keys", "version: 1\n", "?\n", "", "E-DUPKEY"},
    {"one network", "version: 1\nsegments:\n  a: {networks: [", "1.1.1.1,",
     "]}\n", NULL},
    {"one prefix in many segments", "version: 1\nsegments:\n",
     " s@: {networks: [10.0.0.0/8]}\n", "", "E-LIMIT"},
    {"one rule", SEGMENTS "rules:\n", "- " RULE "}\n", "", "E-LIMIT"},
    /* Flat and large. */
    {"a flat list", "version: 1\nx-a: [", "a,", "]\n", "E-LIMIT"},
    {"a flat list where rules belong", "version: 1\nrules: [", "abcdef,", "]\n",
     "E-TYPE"},
    {"distinct keys", "version: 1\n", "key-number-@: 1\n", "", "E-UNKNOWN-KEY"},
    {"one scalar", "version: 1\nx-a: ", "a", "\n", NULL},
    {"one key of a mebibyte", "version: 1\n\"", "a", "\": 1\n", "E-YAML"},
    {"one quoted scalar of escapes", "version: 1\nx-a: \"", "\\x41", "\"\n",
     NULL},
    {"one scalar of short lines", "version: 1\nx-a: |\n", " a\n", "", NULL},
    {"newlines", "", "\n", "", "E-EMPTY"},
    {"comments", "", "#\n", "", "E-EMPTY"},
    {"documents", "", "---\n", "", "E-YAML"},
    {"colons", "", ":", "", "E-YAML"},
    {"question marks", "", "? ", "", "E-LIMIT"},
    {"percent signs", "", "%A\n", "", "E-YAML"},
    {"VLAN ranges",
     "version: 1\nsegments:\n  a:\n    networks: [10.0.0.0/8]\n    vlans: [",
     "0-4094,", "]\n", NULL},
    /* Definitions of definitions. */
    {"groups in groups", SEGMENTS "groups:\n g0: [a]\n", " group-1@: [g0]\n",
     "", "W-UNUSED-DEF"},
    {"large services in services",
     SEGMENTS "services:\n s0: [" HUNDRED("tcp/1,tcp/3,") "tcp/5]\n",
     " t@: [s0, s0]\n", "", "E-LIMIT"},
    {"large address sets in a rule",
     SEGMENTS "addresses:\n s0: [" HUNDRED(
         "10.2.0.1, 10.2.0.3, ") "10.2.0.5]\nrules:\n- " RULE ", to_addr: [",
     "s0,", "]}\n", "E-LIMIT"},
    {"a large address set in many rules",
     SEGMENTS
     "addresses:\n s0: [" HUNDRED("10.2.0.1, 10.2.0.3, ") "10.2.0.7]\nrules:\n",
     "- {id: r@, from: a, to: b, to_addr: s0, action: allow}\n", "", NULL},
    {"a large service in many rules",
     SEGMENTS
     "services:\n s0: [" HUNDRED("tcp/1, tcp/3, ") "udp/any]\nrules:\n",
     "- {id: r@, from: a, to: b, service: s0, action: allow}\n", "", NULL},
    {"large application sets in a rule",
     SEGMENTS "applications:\n s0: [" HUNDRED(
         "SSH, TLS, ") "SMTP]\nrules:\n- " RULE ", app: [",
     "s0,", "]}\n", "E-LIMIT"},
    {"labels of many groups",
     "version: 1\nsegments:\n"
     "  a: {networks: [10.0.0.0/8], labels: {x: y}}\ngroups:\n",
     " labelled-@: {labels: {x: [abc, defg, hijk, y]}}\n", "", "W-UNUSED-DEF"},
    /* Small mistakes. */
    {"unknown groups", SEGMENTS "groups:\n", " g@: [h@]\n", "", "E-REF"},
    {"unknown services", SEGMENTS "services:\n", " s@: [abcdefgh@]\n", "",
     "E-REF"},
    {"misspelt services", SEGMENTS "services:\n", " s@: [htps]\n", "", "E-REF"},
    {"unknown risks", SEGMENTS "rules:\n- " RULE ", when: {risk: [", "tls_x,",
     "]}}\n", "E-REF"},
    {"no networks", "version: 1\nsegments:\n  a:\n    networks: [", "xyzzy,",
     "]\n", "E-NET"},
    {"rules of nothing", SEGMENTS "rules:\n", "- {}\n", "", "E-LIMIT"},
};

const size_t hostile_n_policies =
    sizeof hostile_policies / sizeof hostile_policies[0];

static size_t
add(char *text, size_t n, const char *part, unsigned number)
{
    for (const char *c = part; *c; c++) {
        if (*c == '@') {
            n += (size_t)snprintf(text + n, YAML_DOC_MAX_BYTES - n, "%u",
                                  number);
        } else {
            text[n++] = *c;
        }
    }
    return n;
}

char *
hostile_text(const struct hostile *hostile, size_t *size)
{
    size_t unit = strlen(hostile->unit) + (strchr(hostile->unit, '@') ? 14 : 0);
    size_t end = YAML_DOC_MAX_BYTES - strlen(hostile->tail) - unit;
    char *text = malloc(YAML_DOC_MAX_BYTES);
    size_t n = 0;

    if (text) {
        n = add(text, n, hostile->head, 0);
        for (unsigned i = 0; n < end; i++) {
            n = add(text, n, hostile->unit, i);
        }
        n = add(text, n, hostile->tail, 0);
    }
    *size = n;
    return text;
}
