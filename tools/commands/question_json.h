/* One question about a flow as a line of JSON, for 'segmon explain'.
 *
 * The line is an object of the facts of rules/judge/flow_test.h, and an 'id'
 * that is only handed back.  It may come from anywhere: what is no strict JSON,
 * names a fact twice, or a fact that does not exist, is refused with a reason.
 * Used by one thread; a line is held in memory, and its size is what bounds
 * that. */

#ifndef TOOLS_COMMANDS_QUESTION_JSON_H
#define TOOLS_COMMANDS_QUESTION_JSON_H

#include "rules/judge/flow_test.h"

enum question_id {
    QUESTION_ID_NONE,
    QUESTION_ID_TEXT,
    QUESTION_ID_NUMBER
};

struct question_json {
    struct flow_test flow;
    enum question_id id_kind;
    char *id_text; /* Owned; UTF-8, NUL-terminated. */
    int64_t id_number;
};

/* Reads one line.  Texts and numbers are taken alike where a fact is either;
 * null says nothing; 'risks' may be an array, 'icmp_embedded' an object {src,
 * dst, proto, sport, dport}.  On failure 'why' is one line, and the id is there
 * if the line could be read that far.  To be ended with question_json_done()
 * either way. */
bool question_json_read(struct question_json *, const char *line, size_t size,
                        char why[FLOW_TEST_WHY]);
void question_json_done(struct question_json *);

#endif
