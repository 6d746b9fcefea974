/* What the tables of schemas are made of; see convert.h.
 *
 * Paths are names with dots between them; a "0" in a target is the only element
 * of a list.  Rules are tried from first to last: a target that is there
 * already is left as it is, and so is a source whose value is not what it
 * should be.
 *
 * Names are short and without a prefix because tables are to be read as tables:
 * only the converters include this. */

#ifndef TOOLS_FORWARD_CONVERT_TABLE_H
#define TOOLS_FORWARD_CONVERT_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* Bits: the records that a rule is for. */
enum convert_kind {
    FLOW = 1,
    COLLAPSED = 2, /* Flows told together. */
    VIOLATION = 4,
    STATUS = 8
};

enum {
    CONVERT_MAX_NAME = 48, /* Of one part of a path. */
    CONVERT_MAX_RULES = 128
};

enum convert_how {
    TEXT,
    ADDRESS,    /* IPv4 or IPv6. */
    PORT,       /* 0 to 65535. */
    COUNT,      /* An integer, 0 or more. */
    COUNT32,    /* That 32 bits with a sign can hold. */
    DIGITS,     /* Text to such a number. */
    INVERTED,   /* Of a Boolean. */
    TIME,       /* Text, as segmon writes times. */
    TIME_MS,    /* Such text to milliseconds since 1970. */
    NS_TO_MS,   /* A count, rounded down. */
    NS_TO_MS32, /* And that 32 bits can hold. */
    UPPER,      /* Text of ASCII in capitals. */
    MAC_COLONS, /* 00-11-.. to 00:11:.. */
    FQDN,       /* Text with a dot within. */
    WORD,       /* By a list of words. */
    SAID        /* Dropped: it is the same for all events of the record. */
};

/* A word and what it becomes: 'text', or else 'number'.  Ends with 'from'
 * NULL. */
struct convert_word {
    const char *from, *text;
    int number;
};

struct convert_rule {
    unsigned kinds; /* Bits of enum convert_kind. */
    enum convert_how how;
    const char *from, *to;
    const struct convert_word *words;
    const char *needs; /* Only if this source is there, too. */
    bool required;     /* Or else the event is not converted. */
    bool keeps;        /* The source stays: it says more. */
};

#define MAP(KINDS, FROM, TO, HOW)                                              \
    {                                                                          \
        .kinds = (KINDS), .from = (FROM), .to = (TO), .how = (HOW)             \
    }
#define MUST(KINDS, FROM, TO, HOW)                                             \
    {                                                                          \
        .kinds = (KINDS), .from = (FROM), .to = (TO), .how = (HOW),            \
        .required = true                                                       \
    }
#define WITH(KINDS, FROM, TO, HOW, NEEDS)                                      \
    {                                                                          \
        .kinds = (KINDS), .from = (FROM), .to = (TO), .how = (HOW),            \
        .needs = (NEEDS)                                                       \
    }
#define NAME(KINDS, FROM, TO, WORDS)                                           \
    {                                                                          \
        .kinds = (KINDS), .from = (FROM), .to = (TO), .how = WORD,             \
        .words = (WORDS)                                                       \
    }
#define GIST(KINDS, FROM, TO, WORDS)                                           \
    {                                                                          \
        .kinds = (KINDS), .from = (FROM), .to = (TO), .how = WORD,             \
        .words = (WORDS), .keeps = true                                        \
    }

/* Of records that have nothing else there. */
struct convert_constant {
    unsigned kinds;
    int number;
    const char *to, *text; /* 'text', or else 'number'. */
};

struct convert_table {
    unsigned kinds; /* Of which there are records. */
    const struct convert_rule *rules;
    size_t n_rules;
    const struct convert_constant *constants;
    size_t n_constants;
    const char *rest; /* Where everything else is kept. */

    /* What no rule says; takes from the event what it has used.  False if the
     * record would not be valid. */
    bool (*finish)(enum convert_kind, json_t *record, json_t *event);
};

#define CONVERT_N(list) (sizeof(list) / sizeof(list)[0])

extern const struct convert_table convert_ocsf, convert_asim;

/* NULL if there is nothing. */
json_t *convert_get(json_t *object, const char *path);

/* Takes 'value' over, makes what is missing of the path, and leaves what is
 * there.  False if out of memory or if something else is in the way. */
bool convert_set(json_t *object, const char *path, json_t *value);

/* And what becomes empty by that. */
void convert_remove(json_t *object, const char *path);

/* A new value, or NULL if 'from' is not of the kind that 'how' takes. */
json_t *convert_value(const json_t *from, enum convert_how,
                      const struct convert_word *);

#endif
