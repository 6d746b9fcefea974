/* One question to the policy, one verdict.
 *
 * Judging is a pure function: the same question always gets the same verdict,
 * in service, in replay, in 'segmon check' and in 'segmon explain'.  Any
 * thread. Its cost does not grow with the number of rules: the policy is
 * compiled into short candidate lists (policy_compile.c). */

#ifndef RULES_JUDGE_JUDGE_H
#define RULES_JUDGE_JUDGE_H

#include "capture/clock.h"
#include "rules/policy.h"

/* What is known of the application, as the policy sees it. */
enum question_app {
    QUESTION_APP_PENDING,
    QUESTION_APP_NONE,    /* No payload was ever seen. */
    QUESTION_APP_UNKNOWN, /* Payload, not recognised or only guessed. */
    QUESTION_APP_KNOWN
};

/* Everything a rule may look at, and nothing else.  Source is the initiator. */
struct question {
    struct addr src, dst;
    segment_id src_segment, dst_segment; /* From policy_locate(). */
    uint16_t src_port, dst_port;
    uint8_t protocol, ip_version;
    uint8_t icmp_type, icmp_code;
    uint16_t vlan;
    const char *interface, *sensor; /* "" if unknown. */
    struct wall_time start;         /* Of the flow, in packet time. */

    bool midstream;    /* The start of the conversation was not seen. */
    bool replied;      /* The responder sent something. */
    bool icmp_related; /* An ICMP error about a flow that is known. */
    bool icmp_orphan;  /* An ICMP error; src and dst are those it quotes, the
                        * segments those of its own ends. */

    enum question_app app;
    uint16_t master_symbol, name_symbol; /* policy_app_symbol(). */
    uint16_t category_symbol;
    bool guess_known; /* Something was guessed (for app_confidence: any). */
    uint16_t guess_master_symbol, guess_name_symbol;
    bool is_tls;            /* TLS, DTLS, QUIC or on top of them. */
    uint16_t tls_version;   /* As struct application; 0 not seen. */
    const char *sni, *host; /* NULL or "" if none. */
    uint64_t risks;         /* application_risk_name() bits. */
};

/* What a verdict may rest on besides the question's class (judge_memo.h). */
enum question_part {
    QUESTION_SRC = 1 << 0, /* 'src' itself, not only its segment. */
    QUESTION_DST = 1 << 1,
    QUESTION_REST = 1 << 2
};

enum {
    VERDICT_MAX_TAGS = 16,
    VERDICT_NO_RULE = -1
};

/* X(NAME, "text") */
#define VERDICT_REASONS(X)                                                     \
    X(PENDING,                                                                 \
      "pending") /* Maybes disagree until the application is known. */         \
    X(SETTLED, "settled") /* Maybes agree; which of them is open. */           \
    X(RULE, "rule")                                                            \
    X(DEFAULT, "default") /* A pair or a default. */                           \
    X(REQUIRE_APP, "require.app")                                              \
    X(REQUIRE_TLS_MIN, "require.tls_min")                                      \
    X(REQUIRE_SNI, "require.sni")                                              \
    X(REQUIRE_FORBID_RISK, "require.forbid_risk")                              \
    X(REQUIRE_ONE_WAY, "require.one_way")                                      \
    X(MIDSTREAM, "midstream")   /* defaults.midstream: ignore. */              \
    X(ICMP_ERROR, "icmp-error") /* Belongs to the flow it quotes. */           \
    /* Of violations only: */                                                  \
    X(POLICY_CHANGE, "policy-change") /* A policy loaded since denies it. */   \
    X(STAGED, "staged")               /* A staged rule would deny it. */       \
    X(DETECTED, "detected")           /* A detector found it. */

enum verdict_reason {
#define VERDICT_REASON_ENUM(NAME, TEXT) VERDICT_REASON_##NAME,
    VERDICT_REASONS(VERDICT_REASON_ENUM) VERDICT_N_REASONS,
#undef VERDICT_REASON_ENUM
    VERDICT_N_JUDGED = VERDICT_REASON_POLICY_CHANGE /* Those judge() gives. */
};

enum verdict_flag {
    VERDICT_NO_PAYLOAD = 1 << 0,          /* "no-payload" */
    VERDICT_DIRECTION_AMBIGUOUS = 1 << 1, /* "direction-ambiguous" */
    VERDICT_TRANSLATED_SRC = 1 << 2,      /* "translated-src" */
    VERDICT_ICMP_ORPHAN = 1 << 3,         /* "icmp-orphan" */
    VERDICT_UNVERIFIED_TLS_MIN = 1 << 4,  /* "unverified:tls_min" */
    VERDICT_UNVERIFIED_APP = 1 << 5,
    VERDICT_UNVERIFIED_SNI = 1 << 6,
    VERDICT_TAGS_CUT = 1 << 7 /* "tags-cut": over VERDICT_MAX_TAGS. */
};

struct verdict {
    enum decision decision;
    enum verdict_reason reason;
    bool final;        /* Nothing still unknown can change it. */
    int32_t rule;      /* policy_rule() index; VERDICT_NO_RULE is "?". */
    uint32_t flags;    /* enum verdict_flag. */
    int32_t near_miss; /* Rule that one condition kept from allowing; or -1. */
    const char *near_miss_condition; /* Static: "app", "when.sni", "to_addr". */
    int32_t reverse_of; /* Rule that allows the other direction; or -1. */
    int32_t expired;    /* Rule that would decide had it not expired; or -1. */
    int32_t tags[VERDICT_MAX_TAGS]; /* 'log' rules that matched, in order. */
    uint8_t n_tags;
    uint8_t asked;                 /* enum question_part. */
    enum decision staged_decision; /* Were the staged rules enforced. */
    int32_t staged_rule;
};

/* 'verdict' is filled in entirely. */
void judge(const struct policy *, const struct question *, struct verdict *);

/* The segments of a question about an ICMP error are those of the error's own
 * ends; here they become those of what it quotes. */
void judge_quoted(const struct policy *, const struct question *,
                  struct question *quoted);

const char *verdict_reason_name(enum verdict_reason);

enum {
    VERDICT_MAX_FLAG_TEXT = 200
};

/* Writes the flags, "+"-separated in a fixed order, such as
 * "near-miss:r-sni:when.sni+reverse-of:r-high"; calls 'each' per flag. */
void verdict_each_flag(const struct policy *, const struct verdict *,
                       void (*each)(void *context, const char *flag),
                       void *context);

#endif
