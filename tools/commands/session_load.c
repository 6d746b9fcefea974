/* Settings and policy of a run, and the next ones; see session.h.
 *
 * What is read again is read whole, settings first, then the policy that they
 * name; only when neither has a mistake anything changes. */

#include "rules/problems.h"
#include "tools/commands/command.h"
#include "tools/commands/session.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PLACE_SIZE = 24,
    MAX_NOTE = 400,
    MAX_NOTES = 16 /* In one status event; the log has all. */
};

/* What is told of settings that were read again. */
struct notes {
    const struct session *session;
    char text[MAX_NOTES][MAX_NOTE];
    size_t n;
    const char *list[MAX_NOTES + 1]; /* NULL-terminated. */
};

static atomic_int asked_for;

static struct policy *load_policy(struct session *, const struct settings *,
                                  struct problems *);
static struct policy *load_again(struct session *, struct settings *,
                                 struct problems *);
static void tell_problems(const struct session *, const struct problems *);
static void tell_problem(void *context, const struct problem *);
static void take_over(struct session *, const struct settings *,
                      struct policy *, struct notes *);
static void apply_hot(struct session *);
static void note_change(void *context, const struct settings_change *);
static char *add_note(struct notes *);
static void note_first_error(void *context, const struct problem *);
static void tell(struct session *, const struct problems *,
                 const struct notes *, struct wall_time);
static const char *place_text(const struct problem *, char text[PLACE_SIZE]);
static void on_hangup(int signal);

bool
session_open_settings(struct session *session, const char *path,
                      const char *sensor, bool live)
{
    const struct session_options *options = &session->options;
    struct problems problems;
    bool good;

    worker_limits_init(&session->limits);
    session->from = (struct settings_source){
        .live = live,
        .path = path,
        .sensor = sensor,
        .overrides = options->overrides,
        .n_overrides = options->n_overrides,
    };
    problems_init(&problems);
    good = settings_load(&session->settings, &session->from, &problems);
    tell_problems(session, &problems);
    problems_done(&problems);
    session->source.sensor = session->settings.sensor;
    session->source.redacts = &session->redacts;
    apply_hot(session);
    return good;
}

/* An engine is made where a policy needs it for names, or may later. */
int
session_open_policy(struct session *session)
{
    struct worker_options all = session_worker_options(session);
    struct application_options options = {
        .max_bytes = worker_share(&all, 0, session_workers(session))
                         .max_inspection_bytes};
    struct problems problems;
    struct error error;

    if (session->settings.policy[0] || session->from.live) {
        session->engine = application_engine_new(&options, &error);
        if (!session->engine) {
            return session_fail(session, &error, COMMAND_FAILED);
        }
    }
    problems_init(&problems);
    session->policy = load_policy(session, &session->settings, &problems);
    tell_problems(session, &problems);
    problems_done(&problems);
    return session->policy ? COMMAND_OK : COMMAND_USAGE;
}

void
session_close_policy(struct session *session)
{
    policy_unref(session->policy);
    application_engine_free(session->engine);
    worker_limits_done(&session->limits);
}

void
session_watch_reload(void)
{
    struct sigaction hangup = {.sa_handler = on_hangup, .sa_flags = SA_RESTART};

    sigaction(SIGHUP, &hangup, NULL);
}

bool
session_reload_asked(void)
{
    return asked_for;
}

struct policy *
session_next_policy(void *context, struct wall_time now)
{
    struct session *session = context;
    struct settings *next;
    struct notes *notes;
    struct problems problems;
    struct policy *policy = NULL;

    if (!asked_for) {
        return NULL;
    }
    asked_for = 0;
    if (session->output) {
        output_reopen(session->output);
    }
    problems_init(&problems);
    next = calloc(1, sizeof *next);
    notes = calloc(1, sizeof *notes);
    if (next && notes) {
        notes->session = session;
        policy = load_again(session, next, &problems);
        if (policy) {
            take_over(session, next, policy, notes);
        }
        session->reloads.last = now;
        session->reloads.failed = !policy;
        tell(session, &problems, notes, now);
    } else {
        session_tell(session, LOG_LEVEL_ERROR,
                     "out of memory for reading policy and settings again");
    }
    problems_done(&problems);
    free(next);
    free(notes);
    return policy;
}

/* NULL, and nothing has changed, if there is any mistake. */
static struct policy *
load_again(struct session *session, struct settings *next,
           struct problems *problems)
{
    struct policy *policy = NULL;

    if (settings_load(next, &session->from, problems)) {
        policy = load_policy(session, next, problems);
    }
    tell_problems(session, problems);
    return policy;
}

/* Without one, everything is observed. */
static struct policy *
load_policy(struct session *session, const struct settings *settings,
            struct problems *problems)
{
    struct policy *policy =
        settings->policy[0]
            ? policy_load(settings->policy, session->engine, problems)
            : policy_observe_all();

    if (!policy && !problems->n_errors) {
        problems_add(problems, PROBLEM_ERROR, "E-MEMORY", "policy", 0, 0,
                     "out of memory");
    }
    return policy;
}

static void
take_over(struct session *session, const struct settings *next,
          struct policy *policy, struct notes *notes)
{
    settings_compare(&session->settings, next, note_change, notes);
    settings_take_hot(&session->settings, next);
    apply_hot(session);
    policy_unref(session->policy);
    session->policy = policy_ref(policy);
}

/* Settings that somebody else keeps; the rest is looked up when it is needed.
 */
static void
apply_hot(struct session *session)
{
    const struct settings *settings = &session->settings;
    const struct worker_limits_values limits = session_limits(session);

    worker_limits_set(&session->limits, &limits);
    session->redacts = settings->privacy.redact & SETTINGS_REDACT_HOSTNAMES;
    session_limit_stop(session);
    if (session->logs) {
        log_set_level(
            session->options.quiet
                ? LOG_LEVEL_ERROR
                : (enum log_level)(LOG_LEVEL_ERROR + settings->log.level));
    }
}

static void
note_change(void *context, const struct settings_change *change)
{
    struct notes *notes = context;
    char *note = add_note(notes);

    snprintf(note, MAX_NOTE, "%s: %.120s, was %.120s%s", change->key,
             change->is, change->was,
             change->needs_restart ? ": needs a restart, the old one stays"
                                   : "");
    session_tell(notes->session,
                 change->needs_restart ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
                 note);
}

/* The last one is written over when there are more. */
static char *
add_note(struct notes *notes)
{
    size_t i = notes->n < MAX_NOTES ? notes->n++ : MAX_NOTES - 1;

    notes->list[i] = notes->text[i];
    return notes->text[i];
}

static void
tell(struct session *session, const struct problems *problems,
     const struct notes *changes, struct wall_time now)
{
    char note[MAX_NOTE] = "", in_force[64];
    const char *const refused[] = {note, NULL};
    struct event_status status = {
        .cause = EVENT_STATUS_POLICY,
        .policy = session->policy,
        .workers = session_workers(session),
        .notes = problems->n_errors ? refused
                 : changes->n       ? changes->list
                                    : NULL,
    };

    problems_each(problems, note_first_error, note);
    if (problems->n_errors) {
        session->reloads.refused++;
        session_tell(session, LOG_LEVEL_ERROR,
                     "the policy in force stays, and so do the settings");
    } else {
        session->reloads.done++;
        session->reloads.last_done = now;
        snprintf(in_force, sizeof in_force, "policy %.12s is in force",
                 policy_sha256(session->policy));
        session_tell(session, LOG_LEVEL_NOTICE, in_force);
    }
    session_send_status(session, &status, now);
}

static void
note_first_error(void *context, const struct problem *problem)
{
    char *note = context, place[PLACE_SIZE];

    if (!note[0] && problem->severity == PROBLEM_ERROR) {
        snprintf(note, MAX_NOTE, "refused: %.120s%s: %s: %.200s", problem->file,
                 place_text(problem, place), problem->code, problem->message);
    }
}

static void
tell_problems(const struct session *session, const struct problems *problems)
{
    if (problems->n_errors == 0) {
        return;
    }
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
    char place[PLACE_SIZE];

    (void)context;
    log_tell(NULL, levels[problem->severity], "%s%s: %s: %s", problem->file,
             place_text(problem, place), problem->code, problem->message);
}

/* ":line:column", where they are known. */
static const char *
place_text(const struct problem *problem, char text[PLACE_SIZE])
{
    text[0] = '\0';
    if (problem->line) {
        snprintf(text, PLACE_SIZE, ":%u:%u", problem->line, problem->column);
    }
    return text;
}

static void
on_hangup(int signal)
{
    (void)signal;
    asked_for = 1;
}
