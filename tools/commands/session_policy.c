/* The policy of a run, and the next one; see session.h. */

#include "rules/problems.h"
#include "tools/commands/command.h"
#include "tools/commands/session.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    MAX_NOTE = 400
};

static atomic_int policy_asked_for;

static struct policy *load(struct session *, struct problems *);
static void tell_problems(const struct session *, const struct problems *);
static void tell_problem(void *context, const struct problem *);
static void tell(struct session *, const struct problems *, struct wall_time);
static void note_first_error(void *context, const struct problem *);
static void on_hangup(int signal);

int
session_open_policy(struct session *session)
{
    struct application_options options = {
        .max_bytes = session->options.dpi_bytes / session->options.workers};
    struct problems problems;
    struct error error;

    if (!session->options.policy) {
        session->policy = policy_observe_all();
        return session->policy ? COMMAND_OK : COMMAND_FAILED;
    }
    session->engine = application_engine_new(&options, &error);
    if (!session->engine) {
        return session_fail(session, &error, COMMAND_FAILED);
    }
    problems_init(&problems);
    session->policy = load(session, &problems);
    problems_done(&problems);
    return session->policy ? COMMAND_OK : COMMAND_USAGE;
}

void
session_close_policy(struct session *session)
{
    policy_unref(session->policy);
    application_engine_free(session->engine);
}

void
session_watch_policy(const struct session *session)
{
    struct sigaction hangup = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};

    if (session->options.policy) {
        sigaction(SIGHUP, &hangup, NULL);
    }
}

bool
session_policy_asked(void)
{
    return policy_asked_for;
}

struct policy *
session_next_policy(void *context, struct wall_time now)
{
    struct session *session = context;
    struct problems problems;
    struct policy *next;

    if (!policy_asked_for) {
        return NULL;
    }
    policy_asked_for = 0;
    problems_init(&problems);
    next = load(session, &problems);
    if (next) {
        policy_unref(session->policy);
        session->policy = policy_ref(next);
    }
    tell(session, &problems, now);
    problems_done(&problems);
    return next;
}

static struct policy *
load(struct session *session, struct problems *problems)
{
    struct policy *policy =
        policy_load(session->options.policy, session->engine, problems);

    if (!policy) {
        tell_problems(session, problems);
    }
    return policy;
}

static void
tell_problems(const struct session *session, const struct problems *problems)
{
    if (session->logs) {
        problems_each(problems, tell_problem, NULL);
    } else {
        problems_print(problems, stderr);
    }
}

/* A line each; nobody looks for the caret below it in a log. */
static void
tell_problem(void *context, const struct problem *problem)
{
    static const enum log_level levels[] = {
        [PROBLEM_INFO] = LOG_LEVEL_INFO,
        [PROBLEM_WARNING] = LOG_LEVEL_WARNING,
        [PROBLEM_ERROR] = LOG_LEVEL_ERROR,
    };

    char position[32] = "";

    (void)context;
    if (problem->line) {
        snprintf(position, sizeof position, ":%u:%u", problem->line,
                 problem->column);
    }
    log_tell(NULL, levels[problem->severity], "%s%s: %s: %s", problem->file,
             position, problem->code, problem->message);
}

static void
tell(struct session *session, const struct problems *problems,
     struct wall_time now)
{
    char note[MAX_NOTE] = "", in_force[64];
    const char *const notes[] = {note, NULL};
    struct event_status status = {
        .cause = EVENT_STATUS_POLICY,
        .policy = session->policy,
        .workers = session->options.workers,
        .notes = problems->n_errors ? notes : NULL,
    };

    problems_each(problems, note_first_error, note);
    if (problems->n_errors) {
        session_tell(session, LOG_LEVEL_ERROR, "the policy in force stays");
    } else {
        snprintf(in_force, sizeof in_force, "policy %.12s is in force",
                 policy_sha256(session->policy));
        session_tell(session, LOG_LEVEL_NOTICE, in_force);
    }
    session_send_status(session, &status, now);
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
