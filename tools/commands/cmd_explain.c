/* segmon explain: what a policy says of a flow, and why. */

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/problems.h"
#include "tools/commands/command.h"
#include "tools/commands/explain.h"

#include <getopt.h>
#include <stdio.h>

static const char help[] =
    "usage: segmon explain --policy FILE [OPTION]... SRC DST SERVICE [APP]\n"
    "       segmon explain --policy FILE --questions FILE\n"
    "\n"
    "Says what a policy decides about a flow, and why: the segments of its\n"
    "ends, the rules on the way, and what would change the decision.  The\n"
    "judge is the one that 'segmon replay' asks.\n"
    "\n"
    "SERVICE is tcp/443, icmp/echo-request, ip/gre, or a service by name.\n"
    "Without APP the flow carries no payload.\n"
    "\n"
    "  -p, --policy FILE\n"
    "  -j, --json            one JSON object\n"
    "  -Q, --questions FILE  one JSON object a line, such as {\"id\": 1,\n"
    "                        \"src\": \"10.1.0.1\", \"dst\": \"10.2.0.1\",\n"
    "                        \"dport\": 443, \"app\": \"TLS\"}; - is standard\n"
    "                        input; answers are one JSON object a line\n"
    "      --sport PORT      of the initiator\n"
    "      --vlan ID, --sensor NAME, --interface NAME\n"
    "                        where it is seen\n"
    "      --tls VERSION     1.0, 1.1, 1.2 or 1.3\n"
    "      --sni NAME, --host NAME\n"
    "      --risks NAME,...  of nDPI, such as tls_obsolete_version\n"
    "      --category NAME   of the application\n"
    "      --confidence HOW  dpi (default), port or address\n"
    "      --start TIME      of the flow; default: 2026-03-10T12:00:00Z\n"
    "      --stage WHEN      first packet, or final (default)\n"
    "      --initiator HOW   seen (default) or midstream\n"
    "      --reply BOOL      true: the responder answered\n"
    "      --quoted SRC,DST,PROTO,SPORT,DPORT\n"
    "                        what it quotes, if it is an ICMP error\n"
    "      --related BOOL    true: it quotes a flow that is known\n"
    "  -h, --help\n"
    "\n"
    "Exits with status 2 if something asked is no question; a line that is\n"
    "none is answered with an error.\n";

/* Options that are facts of the flow. */
static const struct {
    const char *option, *fact;
} facts[] = {{"sport", "sport"},
             {"vlan", "vlan"},
             {"sensor", "sensor"},
             {"interface", "interface"},
             {"tls", "tls"},
             {"sni", "sni"},
             {"host", "host"},
             {"risks", "risks"},
             {"category", "category"},
             {"confidence", "confidence"},
             {"start", "start"},
             {"stage", "stage"},
             {"initiator", "initiator"},
             {"reply", "reply"},
             {"quoted", "icmp_embedded"},
             {"related", "icmp_related"}};

enum {
    N_FACTS = sizeof facts / sizeof facts[0],
    OPTION_FACT = 256 /* And those after it. */
};

struct request {
    const char *policy, *questions;
    bool json;
    struct flow_test flow;
    char **words; /* SRC DST SERVICE [APP] */
    int n_words;
};

static int parse(struct request *, int argc, char *argv[]);
static int take_option(struct request *, int option, const char *value);
static void make_options(struct option options[N_FACTS + 5]);
static int parse_words(struct request *);
static int refuse(const char *why);
static int run(struct request *);
static int explain_one(struct explain *, struct request *);

int
command_explain(int argc, char *argv[])
{
    struct request request = {.policy = NULL};
    int status = parse(&request, argc, argv);

    return status < 0 ? run(&request) : status;
}

/* Returns an exit status, or -1 to go on. */
static int
parse(struct request *request, int argc, char *argv[])
{
    struct option options[N_FACTS + 5];
    int option, status = -1;

    make_options(options);
    flow_test_init(&request->flow);
    optind = 0;
    while (status < 0 &&
           (option = getopt_long(argc, argv, "p:Q:jh", options, NULL)) != -1) {
        status = take_option(request, option, optarg);
    }
    if (status >= 0) {
        return status;
    }
    request->words = argv + optind;
    request->n_words = argc - optind;
    if (!request->policy) {
        return refuse("name a policy with --policy FILE");
    }
    if (!request->questions) {
        return parse_words(request);
    }
    return request->n_words ? refuse("--questions takes no other flow") : -1;
}

static int
take_option(struct request *request, int option, const char *value)
{
    char why[FLOW_TEST_WHY];

    switch (option) {
    case 'p': request->policy = value; return -1;
    case 'Q': request->questions = value; return -1;
    case 'j': request->json = true; return -1;
    case 'h': fputs(help, stdout); return COMMAND_OK;
    case '?':
        fputs("see 'segmon explain --help'\n", stderr);
        return COMMAND_USAGE;
    default:
        return flow_test_set(&request->flow, facts[option - OPTION_FACT].fact,
                             value, why)
                   ? -1
                   : refuse(why);
    }
}

static void
make_options(struct option options[N_FACTS + 5])
{
    static const struct option plain[] = {
        {"policy", required_argument, NULL, 'p'},
        {"questions", required_argument, NULL, 'Q'},
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'}};
    size_t n = 0;

    for (; n < sizeof plain / sizeof plain[0]; n++) {
        options[n] = plain[n];
    }
    for (int i = 0; i < N_FACTS; i++) {
        options[n++] = (struct option){facts[i].option, required_argument, NULL,
                                       OPTION_FACT + i};
    }
    options[n] = (struct option){NULL, 0, NULL, 0};
}

/* All but the service, which may be a name of the policy. */
static int
parse_words(struct request *request)
{
    char why[FLOW_TEST_WHY];

    if (request->n_words < 3 || request->n_words > 4) {
        return refuse("a flow is SRC DST SERVICE [APP]; see --help");
    }
    if (!flow_test_set(&request->flow, "src", request->words[0], why) ||
        !flow_test_set(&request->flow, "dst", request->words[1], why) ||
        (request->n_words == 4 &&
         !flow_test_set(&request->flow, "app", request->words[3], why))) {
        return refuse(why);
    }
    return -1;
}

static int
refuse(const char *why)
{
    fprintf(stderr, "segmon explain: %s\n", why);
    return COMMAND_USAGE;
}

static int
run(struct request *request)
{
    struct explain explain = {.policy = NULL};
    int status = COMMAND_USAGE;
    struct problems problems;
    struct error error;

    explain.engine = application_engine_new(NULL, &error);
    if (!explain.engine) {
        fprintf(stderr, "segmon explain: %s\n", error.message);
        return COMMAND_FAILED;
    }
    problems_init(&problems);
    explain.policy = policy_load(request->policy, explain.engine, &problems);
    if (explain.policy) {
        json_init(&explain.json, EXPLAIN_MAX_ANSWER);
        status = request->questions
                     ? explain_batch(&explain, request->questions)
                     : explain_one(&explain, request);
        json_done(&explain.json);
    } else {
        problems_print(&problems, stderr);
    }
    problems_done(&problems);
    policy_unref(explain.policy);
    application_engine_free(explain.engine);
    return status;
}

static int
explain_one(struct explain *explain, struct request *request)
{
    struct explain_flow flow;
    char why[FLOW_TEST_WHY];

    if (!flow_test_set_service(&request->flow, explain->policy,
                               request->words[2], why)) {
        return refuse(why);
    }
    if (why[0]) {
        fprintf(stderr, "segmon explain: %s\n", why);
    }
    if (!explain_flow_init(&flow, explain, &request->flow, why)) {
        return refuse(why);
    }
    if (request->json) {
        explain_print_json(&explain->json, &flow);
        if (explain->json.failed) {
            fputs("segmon explain: the answer is too large\n", stderr);
            return COMMAND_FAILED;
        }
    } else {
        explain_print(&flow);
    }
    return COMMAND_OK;
}
