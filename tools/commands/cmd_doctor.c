/* segmon doctor: is all well with what a sensor depends on? */

#include "capture/error.h"
#include "tools/commands/command.h"
#include "tools/commands/doctor_options.h"
#include "tools/commands/session.h"
#include "tools/doctor/doctor_json.h"
#include "tools/doctor/doctor_text.h"
#include "tools/event/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    MAX_DOCUMENT = 4 << 20
};

struct examination {
    struct doctor_request request;
    struct doctor doctor;
};

static int examine(struct examination *);
static int status_of(const struct diagnosis *);
static bool tell(const struct examination *, int status);

int
command_doctor(int argc, char *argv[])
{
    struct examination *examination = calloc(1, sizeof *examination);
    struct diagnosis *diagnosis;
    int status;

    if (!examination) {
        fputs("segmon doctor: out of memory\n", stderr);
        return COMMAND_FAILED;
    }
    diagnosis = &examination->doctor.diagnosis;
    diagnosis_init(diagnosis);
    status = doctor_options_parse(&examination->request, diagnosis, argc, argv);
    if (status < 0) {
        status = examine(examination);
    }
    doctor_options_done(&examination->request);
    free(examination);
    return status;
}

static int
examine(struct examination *examination)
{
    struct doctor *doctor = &examination->doctor;
    struct doctor_options *options = &examination->request.options;
    const atomic_int *stop = session_watch_stop();
    struct error error;
    int status;

    options->stop = stop;
    if (!doctor_examine(doctor, options, &error)) {
        fprintf(stderr, "segmon doctor: %s\n", error.message);
        return COMMAND_FAILED;
    }
    status = *stop ? COMMAND_SIGNALLED + *stop : status_of(&doctor->diagnosis);
    if (!tell(examination, status)) {
        fputs("segmon doctor: out of memory\n", stderr);
        status = COMMAND_FAILED;
    }
    doctor_done(doctor);
    return status;
}

/* What is critical is so whatever else there is; but where something could not
 * be examined, a warning need not be the worst. */
static int
status_of(const struct diagnosis *diagnosis)
{
    if (diagnosis->worst == DIAGNOSIS_CRITICAL) {
        return COMMAND_CRITICAL;
    }
    if (diagnosis->is_incomplete) {
        return COMMAND_FAILED;
    }
    return diagnosis->worst == DIAGNOSIS_WARNING ? COMMAND_WARNING : COMMAND_OK;
}

static bool
tell(const struct examination *examination, int status)
{
    const char *no_color = getenv("NO_COLOR");
    bool color = isatty(STDOUT_FILENO) && !(no_color && no_color[0]);
    struct json json;
    bool good;

    if (!examination->request.json) {
        doctor_print(&examination->doctor, color, stdout);
        return true;
    }
    json_init(&json, MAX_DOCUMENT);
    doctor_write_json(&examination->doctor, SEGMON_VERSION, status, &json);
    good = !json.failed;
    if (good) {
        fwrite(json.data, 1, json.size, stdout);
    }
    json_done(&json);
    return good;
}
