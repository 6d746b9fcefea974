/* segmon explain: what a policy says of a flow, and why. */

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/problems.h"
#include "tools/commands/command.h"
#include "tools/commands/explain.h"

#include <getopt.h>
#include <stdio.h>

static const char help[] =
    "usage: segmon explain --policy FILE --questions FILE\n"
    "\n"
    "Says what a policy decides about a flow.  The judge is the one that\n"
    "'segmon replay' asks.\n"
    "\n"
    "  -p, --policy FILE\n"
    "  -Q, --questions FILE  one JSON object a line, such as {\"id\": 1,\n"
    "                        \"src\": \"10.1.0.1\", \"dst\": \"10.2.0.1\",\n"
    "                        \"dport\": 443, \"app\": \"TLS\"}; - is standard\n"
    "                        input; answers are one JSON object a line\n"
    "  -h, --help\n"
    "\n"
    "Exits with status 2 if a line was no question; it is answered with an\n"
    "error.\n";

static int run(const char *policy, const char *questions);

int
command_explain(int argc, char *argv[])
{
    static const struct option options[] = {
        {"policy", required_argument, NULL, 'p'},
        {"questions", required_argument, NULL, 'Q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    const char *policy = NULL, *questions = NULL;
    int option;

    optind = 0;
    while ((option = getopt_long(argc, argv, "p:Q:h", options, NULL)) != -1) {
        switch (option) {
        case 'p': policy = optarg; break;
        case 'Q': questions = optarg; break;
        case 'h': fputs(help, stdout); return COMMAND_OK;
        default:
            fputs("see 'segmon explain --help'\n", stderr);
            return COMMAND_USAGE;
        }
    }
    if (!policy || !questions || optind != argc) {
        fputs("segmon explain: name a policy and questions; see --help\n",
              stderr);
        return COMMAND_USAGE;
    }
    return run(policy, questions);
}

static int
run(const char *policy, const char *questions)
{
    struct application_options options = {.max_inspections = 1};
    struct explain explain = {.policy = NULL};
    int status = COMMAND_USAGE;
    struct problems problems;
    struct error error;

    explain.engine = application_engine_new(&options, &error);
    if (!explain.engine) {
        fprintf(stderr, "segmon explain: %s\n", error.message);
        return COMMAND_FAILED;
    }
    problems_init(&problems);
    explain.policy = policy_load(policy, explain.engine, &problems);
    if (explain.policy) {
        json_init(&explain.json, EXPLAIN_MAX_ANSWER);
        status = explain_batch(&explain, questions);
        json_done(&explain.json);
    } else {
        problems_print(&problems, stderr);
    }
    problems_done(&problems);
    policy_unref(explain.policy);
    application_engine_free(explain.engine);
    return status;
}
