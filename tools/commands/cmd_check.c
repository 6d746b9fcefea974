/* segmon check: looks for mistakes in a policy, or in a configuration and the
 * policy that it names. */

#include "capture/error.h"
#include "dissect/application.h"
#include "rules/analysis/analysis.h"
#include "rules/coverage.h"
#include "rules/load/yaml_doc.h"
#include "rules/policy.h"
#include "rules/print/policy_print.h"
#include "rules/problems.h"
#include "tools/commands/check_json.h"
#include "tools/commands/command.h"
#include "tools/event/system_clock.h"
#include "tools/process/sandbox.h"
#include "tools/report/coverage_report.h"
#include "tools/settings/settings.h"
#include "tools/settings/settings_memory.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: segmon check [OPTION]... --policy FILE\n"
    "       segmon check [OPTION]... --config FILE\n"
    "\n"
    "Reads a policy and tells every mistake in it as FILE:LINE:COLUMN: CODE:\n"
    "TEXT, then runs the tests it holds.  Warns of rules that have expired, "
    "or\n"
    "will soon.  Exits with status 2 if there is an error or a failing test.\n"
    "\n"
    "  -p, --policy FILE\n"
    "  -C, --config FILE  settings, as in segmon.yaml(5), and the policy they\n"
    "                     name\n"
    "  -f, --format HOW   text (default), or json: one finding a line on\n"
    "                     standard output\n"
    "  -c, --coverage     tell which rules and which cells of the matrix the\n"
    "                     tests exercise; with json, as further lines\n"
    "  -P, --print        write the policy in its canonical form on standard\n"
    "                     output: names resolved, sets sorted, defaults "
    "spelled\n"
    "                     out.  It reads back as the same policy, and its\n"
    "                     SHA-256 is the policy's.  With --config: the "
    "settings,\n"
    "                     defaults included\n"
    "      --no-sandbox   allow any system call\n"
    "  -q, --quiet        only mistakes, no closing line\n"
    "  -h, --help\n";

enum {
    OPTION_NO_SANDBOX = 256
};

struct request {
    const char *path; /* Of the policy, or NULL: the configuration says. */
    const char *config;
    bool quiet, json, coverage, print, no_sandbox;
};

static int parse(struct request *, int argc, char *argv[]);
static int take_option(struct request *, int option);
static int refuse(const char *why);
static bool enter_sandbox(const struct request *);
static int check(struct request *);
static int check_policy(const struct request *, const struct settings *,
                        const struct application_engine *, struct problems *);
static void tell_problems(const struct request *, struct problems *);
static int tell_settings(const struct request *, const struct settings *);
static int tell(const struct request *, const struct policy *, size_t n_tests);
static size_t own_segments(const struct policy *);
static size_t own_rules(const struct policy *);
static bool write_out(void *context, const char *bytes, size_t n);
static void quote_files(struct problems *, const char *config);
static bool is_quoted(const struct problems *, size_t);
static void print_coverage(const struct policy *,
                           const struct application_engine *, bool json);

int
command_check(int argc, char *argv[])
{
    struct request request = {.path = NULL};
    int status = parse(&request, argc, argv);

    if (status >= 0) {
        return status;
    }
    return enter_sandbox(&request) ? check(&request) : COMMAND_FAILED;
}

/* Returns an exit status, or -1 to go on. */
static int
parse(struct request *request, int argc, char *argv[])
{
    static const struct option options[] = {
        {"policy", required_argument, NULL, 'p'},
        {"config", required_argument, NULL, 'C'},
        {"format", required_argument, NULL, 'f'},
        {"coverage", no_argument, NULL, 'c'},
        {"print", no_argument, NULL, 'P'},
        {"no-sandbox", no_argument, NULL, OPTION_NO_SANDBOX},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    int option, status = -1;

    optind = 0;
    while (status < 0 && (option = getopt_long(argc, argv, "p:C:f:cPqh",
                                               options, NULL)) != -1) {
        status = take_option(request, option);
    }
    if (status >= 0) {
        return status;
    }
    if (request->print && (request->json || request->coverage)) {
        return refuse("--print leaves no room for other output");
    }
    return !request->path != !request->config && optind == argc
               ? -1
               : refuse("name one policy with --policy FILE, or one "
                        "configuration with --config FILE");
}

static int
take_option(struct request *request, int option)
{
    switch (option) {
    case 'p': request->path = optarg; return -1;
    case 'C': request->config = optarg; return -1;
    case 'f':
        request->json = strcmp(optarg, "json") == 0;
        return request->json || strcmp(optarg, "text") == 0
                   ? -1
                   : refuse("--format is text or json");
    case 'c': request->coverage = true; return -1;
    case 'P': request->print = true; return -1;
    case OPTION_NO_SANDBOX: request->no_sandbox = true; return -1;
    case 'q': request->quiet = true; return -1;
    case 'h': fputs(help, stdout); return COMMAND_OK;
    default: fputs("see 'segmon check --help'\n", stderr); return COMMAND_USAGE;
    }
}

static int
refuse(const char *why)
{
    fprintf(stderr, "segmon check: %s\n", why);
    return COMMAND_USAGE;
}

/* A policy may be a stranger's, too. */
static bool
enter_sandbox(const struct request *request)
{
    const struct sandbox_options sandbox = {.prefix = "segmon check: "};
    struct error error;

    if (request->no_sandbox || sandbox_enter(&sandbox, &error)) {
        return true;
    }
    fprintf(stderr, "segmon check: %s\n", error.message);
    return false;
}

static int
check(struct request *request)
{
    struct settings *settings = calloc(1, sizeof *settings);
    struct application_engine *engine;
    struct problems problems;
    struct error error;
    int status = COMMAND_FAILED;

    engine = application_engine_new(NULL, &error);
    if (!settings || !engine) {
        fprintf(stderr, "segmon check: %s\n",
                engine ? "out of memory" : error.message);
        application_engine_free(engine);
        free(settings);
        return COMMAND_FAILED;
    }
    problems_init(&problems);
    if (request->config) {
        const struct settings_source source = {.live = true,
                                               .path = request->config};

        settings_load(settings, &source, &problems);
        request->path = settings->policy[0] ? settings->policy : NULL;
    }
    status = check_policy(request, settings, engine, &problems);
    problems_done(&problems);
    application_engine_free(engine);
    free(settings);
    return status;
}

/* The policy, if there is one; tells all problems. */
static int
check_policy(const struct request *request, const struct settings *settings,
             const struct application_engine *engine, struct problems *problems)
{
    struct policy *policy =
        request->path ? policy_load(request->path, engine, problems) : NULL;
    size_t n_tests = 0;
    int status = COMMAND_USAGE;

    if (policy) {
        policy_lint(policy, system_clock_wall(), problems);
        n_tests = policy_run_tests(policy, engine, problems);
        policy_lint_sides(policy, problems);
        policy_analyze(policy, problems);
    }
    tell_problems(request, problems);
    if (problems->n_errors == 0) {
        status =
            request->config ? tell_settings(request, settings) : COMMAND_OK;
    }
    if (policy && status == COMMAND_OK) {
        status = tell(request, policy, n_tests);
    }
    if (policy && request->coverage) {
        print_coverage(policy, engine, request->json);
    }
    policy_unref(policy);
    return status;
}

static void
tell_problems(const struct request *request, struct problems *problems)
{
    if (request->quiet) {
        problems_keep_errors(problems);
    }
    if (request->json) {
        check_json_print(problems);
    } else {
        quote_files(problems, request->config);
        problems_print(problems, stderr);
    }
}

/* Of a configuration without mistakes. */
static int
tell_settings(const struct request *request, const struct settings *settings)
{
    char memory[SETTINGS_MEMORY_TEXT_SIZE];

    if (request->print) {
        settings_print(settings, stdout);
        if (fflush(stdout) != 0) {
            fputs("segmon check: the settings cannot be written\n", stderr);
            return COMMAND_FAILED;
        }
    } else if (!request->quiet && !request->json) {
        settings_memory_text(settings, memory, sizeof memory);
        printf("%s: sensor %s, %zu interfaces, %" PRIu64
               " workers, %zu outputs\n%s: memory: %s\n",
               request->config, settings->sensor,
               settings->capture.n_interfaces, settings->capture.workers,
               settings->n_outputs, request->config, memory);
    }
    return COMMAND_OK;
}

/* Of a policy without mistakes. */
static int
tell(const struct request *request, const struct policy *policy, size_t n_tests)
{
    if (request->print && request->config) {
        return COMMAND_OK; /* Those were the settings. */
    }
    if (request->print) {
        if (!policy_print(policy, write_out, stdout) || fflush(stdout) != 0) {
            fputs("segmon check: the policy cannot be written\n", stderr);
            return COMMAND_FAILED;
        }
    } else if (!request->quiet && !request->json) {
        printf("%s: %s@%s, %zu segments, %zu rules, %zu tests passed, "
               "sha256 %.12s\n",
               request->path, policy_name(policy), policy_revision(policy),
               own_segments(policy), own_rules(policy), n_tests,
               policy_sha256(policy));
    }
    return COMMAND_OK;
}

/* Those the author wrote. */
static size_t
own_segments(const struct policy *policy)
{
    size_t n = 0;

    for (size_t i = 0; i < policy_n_segments(policy); i++) {
        n += !policy_segment(policy, (segment_id)i)->builtin;
    }
    return n;
}

static size_t
own_rules(const struct policy *policy)
{
    size_t n = 0;

    for (size_t i = 0; i < policy_n_rules(policy); i++) {
        enum policy_tier tier = policy_rule(policy, (uint32_t)i)->tier;

        n += tier == TIER_GUARDRAIL || tier == TIER_RULE;
    }
    return n;
}

static bool
write_out(void *context, const char *bytes, size_t n)
{
    return fwrite(bytes, 1, n, context) == n;
}

static void
print_coverage(const struct policy *policy,
               const struct application_engine *engine, bool json)
{
    struct coverage coverage;

    coverage_init(&coverage, policy);
    coverage_add_tests(&coverage, engine);
    if (json) {
        coverage_print_json(&coverage, stdout);
    } else {
        coverage_print_text(&coverage, "tests", stdout);
    }
    coverage_done(&coverage);
}

/* What was found in a policy after loading has not seen the text of its line.
 */
static void
quote_files(struct problems *problems, const char *config)
{
    char *bytes = malloc(YAML_DOC_MAX_BYTES);

    for (size_t i = 0; bytes && i < problems->n; i++) {
        const struct problem *problem = &problems->list[i];
        FILE *file = problem->line && !problem->source_line &&
                             !is_quoted(problems, i) &&
                             !(config && strcmp(problem->file, config) == 0)
                         ? fopen(problem->file, "re")
                         : NULL;

        if (file) {
            size_t size = fread(bytes, 1, YAML_DOC_MAX_BYTES, file);

            problems_quote(problems, problem->file, bytes, size);
            fclose(file);
        }
    }
    free(bytes);
}

/* Did one before it have the same file read?  Lines that are too long to be
 * shown stay without text. */
static bool
is_quoted(const struct problems *problems, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (problems->list[k].line && !problems->list[k].source_line &&
            strcmp(problems->list[k].file, problems->list[i].file) == 0) {
            return true;
        }
    }
    return false;
}
