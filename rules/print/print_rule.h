/* How policy_print() writes rules, and the sets that rules and the rest of a
 * policy share. */

#ifndef RULES_PRINT_PRINT_RULE_H
#define RULES_PRINT_PRINT_RULE_H

#include "rules/policy_impl.h"
#include "rules/print/print_text.h"

/* An item of 'guardrails' or 'rules'. */
void print_rule(struct print *, const struct rule *);

/* The entry that says which segments: 'any', 'internal' and 'external' where
 * they are just these. */
void print_segments(struct print *, unsigned indent, const char *key,
                    const uint64_t *set);
void print_addrs(struct print *, unsigned indent, const char *key,
                 const struct addr_set *);
void print_vlans(struct print *, unsigned indent, const char *key,
                 const struct vlan_set *);
void print_globs(struct print *, unsigned indent, const char *key,
                 const struct glob_list *);

/* Entries of rules, pairs and detectors: four spaces in. */
void print_threshold(struct print *, const struct policy_threshold *);
void print_texts(struct print *, const char *key, const char *const *texts);

/* 'end' is a time that dates reach to the end of their day for. */
void print_time(struct print *, unsigned indent, const char *key,
                struct wall_time, bool end);

/* A schedule as the mapping that defines it, in the print's memory; NULL when
 * that is out. */
const char *schedule_form(struct print *, const struct schedule *);
int print_schedule_order(const void *, const void *); /* By address. */

#endif
