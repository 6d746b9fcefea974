/* What a server's error means for who sends to it.
 *
 * Pure; any thread. */

#ifndef TOOLS_REDIS_REDIS_ANSWER_H
#define TOOLS_REDIS_REDIS_ANSWER_H

enum redis_answer {
    REDIS_STORED,
    REDIS_NOT_ABOVE, /* The id is not above the stream's last. */
    REDIS_GONE,      /* No error: the stream was there, and is not any more. */
    REDIS_TRY_LATER, /* Not stored; the server's state may change. */
    REDIS_MOVED,     /* Not here any more: another connection may help. */
    REDIS_DENIED,    /* By a password or an ACL, which somebody must change. */
    REDIS_REFUSED    /* Not stored; will not be, as things are set up. */
};

/* 'error_text' as a server sent it. */
enum redis_answer redis_answer_of(const char *error_text);

/* The same of a text that tells of such an error somewhere, as what
 * redis_link_open() failed with; REDIS_TRY_LATER if it tells of none. */
enum redis_answer redis_answer_in(const char *text);

#endif
