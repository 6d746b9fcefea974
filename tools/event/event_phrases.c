/* See event_phrases.h. */

#include "tools/event/event_phrases.h"

#include <stdlib.h>

static struct event_phrase *phrase_at(struct event_phrases *,
                                      enum event_phrase_kind, uint32_t number);
static size_t count(const struct policy *, enum event_phrase_kind);
static void forget(struct event_phrases *);

void
event_phrases_init(struct event_phrases *phrases)
{
    *phrases = (struct event_phrases){.policy = NULL};
    json_init(&phrases->text, EVENT_PHRASES_MAX_BYTES);
}

void
event_phrases_done(struct event_phrases *phrases)
{
    forget(phrases);
    json_done(&phrases->text);
}

void
event_phrases_follow(struct event_phrases *phrases, const struct policy *policy)
{
    if (policy != phrases->policy) {
        forget(phrases);
        phrases->policy = policy ? policy_hold(policy) : NULL;
    }
}

bool
event_phrases_copy(const struct event_phrases *phrases, struct json *json,
                   enum event_phrase_kind kind, uint32_t number)
{
    const struct event_phrase *phrase =
        number < phrases->n[kind] ? &phrases->kinds[kind][number] : NULL;
    char *at;

    if (!phrase || phrase->end == 0) {
        return false;
    }
    if (phrase->size > 0 && json_begin(json, NULL, phrase->size, &at)) {
        memcpy(at, phrases->text.data + phrase->end - phrase->size,
               phrase->size);
        json_end(json, at + phrase->size);
    }
    return true;
}

void
event_phrases_keep(struct event_phrases *phrases, const struct json *json,
                   size_t start, enum event_phrase_kind kind, uint32_t number)
{
    struct event_phrase *phrase = phrase_at(phrases, kind, number);

    if (!phrase || json->failed) {
        return;
    }
    if (start < json->size && json->data[start] == ',') {
        start++;
    }
    json_raw(&phrases->text, json->data + start, json->size - start);
    if (phrases->text.failed) {
        phrases->text.failed = false; /* Nothing was written. */
        return;
    }
    phrase->end = (uint32_t)phrases->text.size;
    phrase->size = (uint32_t)(json->size - start);
}

/* NULL if there is no memory, or the number is too high. */
static struct event_phrase *
phrase_at(struct event_phrases *phrases, enum event_phrase_kind kind,
          uint32_t number)
{
    struct event_phrase **all = &phrases->kinds[kind];

    if (!*all && phrases->policy) {
        *all = calloc(count(phrases->policy, kind), sizeof **all);
        phrases->n[kind] = *all ? count(phrases->policy, kind) : 0;
    }
    return number < phrases->n[kind] ? *all + number : NULL;
}

static size_t
count(const struct policy *policy, enum event_phrase_kind kind)
{
    switch (kind) {
    case EVENT_PHRASE_SEGMENT: return policy_n_segments(policy);
    case EVENT_PHRASE_RULE:
    case EVENT_PHRASE_RULE_THREAT:
    case EVENT_PHRASE_RULE_NOTES: return policy_n_rules(policy);
    case EVENT_PHRASE_PROTOCOL:
    case EVENT_PHRASE_APPLICATION:
    case EVENT_PHRASE_MASTER:
    case EVENT_PHRASE_NAME:
    case EVENT_PHRASE_CATEGORY: return EVENT_PHRASES_MAX_NAMES;
    case EVENT_PHRASE_POLICY:
    case EVENT_PHRASE_N_KINDS: break;
    }
    return 1;
}

static void
forget(struct event_phrases *phrases)
{
    for (unsigned i = 0; i < EVENT_PHRASE_N_KINDS; i++) {
        free(phrases->kinds[i]);
        phrases->kinds[i] = NULL;
        phrases->n[i] = 0;
    }
    json_reset(&phrases->text, false);
    policy_unref(phrases->policy);
    phrases->policy = NULL;
}
