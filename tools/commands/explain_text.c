/* One flow explained for people: from the ends, along the rules, to the
 * decision.  Names and texts of a policy pass text_print(): they may hold
 * anything. */

#include "rules/services.h"
#include "tools/commands/explain.h"
#include "tools/report/text.h"

#include <stdio.h>

static void print_flow(const struct explain_flow *);
static void print_end(const struct explain_flow *, const char *title,
                      const struct addr *, const struct location *);
static void print_service(const struct question *);
static void print_judged(const struct explain_flow *);
static void print_path(const struct explain_flow *);
static void print_step(void *context, const struct judge_step *);
static void print_verdict(const struct explain_flow *);
static void print_flag(void *context, const char *flag);
static void print_change(void *context, const char *text);
static void print_text(const char *title, const char *text);

void
explain_print(const struct explain_flow *flow)
{
    int n_changes = 0;

    print_flow(flow);
    print_end(flow, "source", &flow->flow->src, &flow->source);
    print_end(flow, "target", &flow->flow->dst, &flow->target);
    print_judged(flow);
    print_path(flow);
    print_verdict(flow);
    explain_each_change(flow, print_change, &n_changes);
}

static void
print_flow(const struct explain_flow *flow)
{
    const struct flow_test *test = flow->flow;
    struct question shown = flow->question;
    char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];

    printf("flow      %s -> %s", addr_format(&test->src, src),
           addr_format(&test->dst, dst));
    shown.protocol = test->protocol; /* Of the flow, not of what it quotes. */
    shown.dst_port = test->dst_port;
    print_service(&shown);
    printf(", application %s%s\n", test->app,
           test->pending ? ", not known yet" : "");
    fputs("policy    ", stdout);
    text_print(policy_name(flow->policy), stdout);
    putchar('@');
    text_print(policy_revision(flow->policy), stdout);
    printf(", sha256 %.12s\n", policy_sha256(flow->policy));
}

static void
print_service(const struct question *question)
{
    static const char *const names[] = {"tcp", "udp", "sctp", "icmp", "icmp6"};
    enum service_space space = service_space_of(question->protocol);

    if (space == SERVICE_PROTOCOL) {
        printf(" ip/%u", question->protocol);
    } else if (space == SERVICE_ICMP || space == SERVICE_ICMP6) {
        printf(" %s/%u:%u", names[space], question->icmp_type,
               question->icmp_code);
    } else {
        printf(" %s/%u", names[space], question->dst_port);
    }
}

/* Where that is not the flow as it stands. */
static void
print_judged(const struct explain_flow *flow)
{
    const struct question *asked = &flow->path.asked;
    bool quoted = flow->verdict.flags & VERDICT_ICMP_ORPHAN;
    bool turned = flow->verdict.flags & VERDICT_DIRECTION_AMBIGUOUS;
    char src[ADDR_TEXT_SIZE], dst[ADDR_TEXT_SIZE];

    if (quoted || turned) {
        printf("judged    %s -> %s", addr_format(&asked->src, src),
               addr_format(&asked->dst, dst));
        print_service(asked);
        printf(": %s%s%s\n", quoted ? "what it quotes" : "",
               quoted && turned ? ", in " : "",
               turned ? "the other direction" : "");
    }
}

static void
print_end(const struct explain_flow *flow, const char *title,
          const struct addr *addr, const struct location *location)
{
    char text[ADDR_TEXT_SIZE], prefix[PREFIX_TEXT_SIZE];

    printf("%-9s %s is in %s: ", title, addr_format(addr, text),
           policy_segment(flow->policy, location->segment)->name);
    if (location->network_of != location->segment) {
        printf("the last address of %s of %s",
               prefix_format(&location->prefix, prefix),
               policy_segment(flow->policy, location->network_of)->name);
    } else {
        printf("%s", prefix_format(&location->prefix, prefix));
    }
    if (location->qualifiers[0]) {
        fputs(", ", stdout);
        text_print(location->qualifiers, stdout);
    }
    putchar('\n');
    for (size_t i = 0; i < location->n_passed; i++) {
        const struct location_claim *claim = &location->passed[i];

        printf("          not %s: %s, but its %s\n",
               policy_segment(flow->policy, claim->segment)->name,
               prefix_format(&claim->prefix, prefix), claim->failed);
    }
}

static void
print_path(const struct explain_flow *flow)
{
    const struct policy *policy = flow->policy;
    struct judge_path path;

    if (!flow->path.walked) {
        puts("path      no rule is asked");
        return;
    }
    printf("path      %zu of %zu rules name %s and %s\n", flow->path.n_named,
           flow->path.n_rules,
           policy_segment(flow->policy, flow->path.asked.src_segment)->name,
           policy_segment(flow->policy, flow->path.asked.dst_segment)->name);
    judge_explain(flow->policy, &flow->question, &flow->verdict, &path,
                  print_step, &policy);
}

static void
print_step(void *context, const struct judge_step *step)
{
    const struct policy *const *policy = context;
    const struct policy_rule *rule = policy_rule(*policy, step->rule);

    printf("          %-9s %-24s ", tier_name(rule->tier), rule->id);
    switch (step->kind) {
    case JUDGE_STEP_FAILED: fputs("no", stdout); break;
    case JUDGE_STEP_TAGGED: fputs("marks it and goes on", stdout); break;
    case JUDGE_STEP_STAGED:
        printf("staged: would %s it", decision_name(step->decision));
        break;
    case JUDGE_STEP_OPEN:
        printf("perhaps %s",
               decision_name(step->decision ? step->decision : rule->action));
        break;
    case JUDGE_STEP_MATCHED:
        printf("yes: %s", decision_name(step->decision));
        break;
    }
    if (step->condition[0]) {
        printf(", %s: ", step->condition);
        text_print(step->wanted, stdout);
    }
    puts(step->reversed ? " (both ways)" : "");
}

static void
print_verdict(const struct explain_flow *flow)
{
    const struct verdict *verdict = &flow->verdict;

    printf("decision  %s", decision_name(verdict->decision));
    if (verdict->decision == DECISION_PENDING) {
        puts(", until the application is known");
    } else if (verdict->decision == DECISION_RELATED) {
        puts(" to the flow that it quotes");
    } else if (verdict->rule < 0) {
        puts(", whichever of those it is in the end (settled)");
    } else {
        const struct policy_rule *rule =
            policy_rule(flow->policy, (uint32_t)verdict->rule);

        printf(" by %s (%s)\n", rule->id, verdict_reason_name(verdict->reason));
        print_text("title", rule->title);
        print_text("owner", rule->owner);
        print_text("ticket", rule->ticket);
    }
    for (size_t i = 0; i < verdict->n_tags; i++) {
        print_text("marked by",
                   policy_rule(flow->policy, (uint32_t)verdict->tags[i])->id);
    }
    verdict_each_flag(flow->policy, verdict, print_flag, NULL);
}

static void
print_flag(void *context, const char *flag)
{
    (void)context;
    print_text("flag", flag);
}

static void
print_change(void *context, const char *text)
{
    int *n = context;

    fputs((*n)++ ? "          " : "change    ", stdout);
    text_print(text, stdout);
    putchar('\n');
}

static void
print_text(const char *title, const char *text)
{
    if (text[0]) {
        printf("          %s: ", title);
        text_print(text, stdout);
        putchar('\n');
    }
}
