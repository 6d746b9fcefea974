/* The canonical form of a policy: what it means, as a policy.
 *
 * Names of groups, sets and services are resolved, includes and merges done,
 * segments and sets sorted, defaults spelled out.  So how a policy is written
 * changes nothing here, and what it decides or says of a violation does.  Its
 * tests and its approval are not in it: they are about the policy.
 *
 * policy_sha256() is the SHA-256 of these bytes; a policy read from them has
 * the same one, as long as they are no more than one file may hold (1 MiB).
 * Any thread. */

#ifndef RULES_PRINT_POLICY_PRINT_H
#define RULES_PRINT_POLICY_PRINT_H

#include <stdbool.h>
#include <stddef.h>

struct policy;

/* Takes the next bytes; false if it could not. */
typedef bool policy_sink(void *context, const char *bytes, size_t n);

/* False when out of memory, or if 'sink' was. */
bool policy_print(const struct policy *, policy_sink *sink, void *context);

#endif
