/* The policy of a replay, and the next one; see replay.h. */

#include "rules/problems.h"
#include "tools/commands/command.h"
#include "tools/commands/replay.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_NOTE = 400
};

static atomic_int policy_asked_for;

static struct policy *load(struct replay *, struct problems *);
static bool load_expect(struct replay *, struct problems *);
static void tell(struct replay *, const struct problems *, struct wall_time);
static void note_first_error(void *context, const struct problem *);
static void on_hangup(int signal);

int
replay_open_policy(struct replay *replay)
{
    struct problems problems;
    struct error error;
    bool good;

    if (!replay->options.policy) {
        replay->policy = policy_observe_all();
        return replay->policy ? COMMAND_OK : COMMAND_FAILED;
    }
    replay->engine = application_engine_new(NULL, &error);
    if (!replay->engine) {
        return replay_fail(&error, COMMAND_FAILED);
    }
    problems_init(&problems);
    replay->policy = load(replay, &problems);
    good = replay->policy && load_expect(replay, &problems);
    problems_done(&problems);
    return good ? COMMAND_OK : COMMAND_USAGE;
}

void
replay_close_policy(struct replay *replay)
{
    policy_unref(replay->policy);
    application_engine_free(replay->engine);
}

void
replay_watch_policy(const struct replay *replay)
{
    const struct replay_options *options = &replay->options;
    struct sigaction hangup = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};

    if (!options->policy || options->coverage || options->expect ||
        options->expect_write) {
        return;
    }
    sigaction(SIGHUP, &hangup, NULL);
}

struct policy *
replay_next_policy(void *context, struct wall_time now)
{
    struct replay *replay = context;
    struct problems problems;
    struct policy *next;

    if (!policy_asked_for) {
        return NULL;
    }
    policy_asked_for = 0;
    problems_init(&problems);
    next = load(replay, &problems);
    if (next) {
        policy_unref(replay->policy);
        replay->policy = policy_ref(next);
    }
    tell(replay, &problems, now);
    problems_done(&problems);
    return next;
}

static struct policy *
load(struct replay *replay, struct problems *problems)
{
    struct policy *policy =
        policy_load(replay->options.policy, replay->engine, problems);

    if (!policy) {
        problems_print(problems, stderr);
    }
    return policy;
}

/* The policy's warnings are for 'segmon check': what is wrong here is told
 * alone. */
static bool
load_expect(struct replay *replay, struct problems *problems)
{
    bool good;

    if (!replay->options.expect) {
        return true;
    }
    problems_done(problems);
    good = expect_load(&replay->expect, replay->options.expect, replay->policy,
                       problems);
    if (!good) {
        problems_print(problems, stderr);
    }
    return good;
}

static void
tell(struct replay *replay, const struct problems *problems,
     struct wall_time now)
{
    char note[MAX_NOTE] = "";
    const char *const notes[] = {note, NULL};
    struct event_status status = {
        .cause = EVENT_STATUS_POLICY,
        .policy = replay->policy,
        .workers = replay->options.workers,
        .notes = problems->n_errors ? notes : NULL,
    };

    problems_each(problems, note_first_error, note);
    if (!problems->n_errors && !replay->options.quiet) {
        fprintf(stderr, "segmon replay: policy %.12s is in force\n",
                policy_sha256(replay->policy));
    } else if (problems->n_errors) {
        fputs("segmon replay: the policy in force stays\n", stderr);
    }
    fflush(stderr);
    replay_send_status(replay, &status, now);
}

static void
note_first_error(void *context, const struct problem *problem)
{
    char *note = context;

    if (!note[0] && problem->severity == PROBLEM_ERROR) {
        snprintf(note, MAX_NOTE, "policy refused: %.120s:%u:%u: %s: %.200s",
                 problem->file, problem->line, problem->column, problem->code,
                 problem->message);
    }
}

static void
on_hangup(int signal)
{
    (void)signal;
    policy_asked_for = 1;
}
