/* adjtimex(2), which only root may use to set anything, tells everybody what
 * the NTP daemon told the kernel; see clock_state.h. */

#include "tools/doctor/clock_state.h"

#include "tools/doctor/diagnosis.h"
#include "tools/doctor/traffic.h"
#include "tools/event/system_clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/timex.h>

#define STEP_NS  (100 * MILLISECOND_NS)
#define ERROR_NS (100 * MILLISECOND_NS)
#define LATE_NS  (2 * SECOND_NS)
#define EARLY_NS (100 * MILLISECOND_NS)
/* 2024-01-01: segmon is younger. */
#define EARLIEST_NS (INT64_C(1704067200) * SECOND_NS)

static void check_step(const struct clock_state *before,
                       const struct clock_state *after, struct diagnosis *);
static uint64_t milliseconds(int64_t ns);

static const char subject[] = "clock";
static const char synchronise[] = "timedatectl set-ntp true";

void
clock_state_read(struct clock_state *state)
{
    struct timex timex = {.modes = 0};
    int result = adjtimex(&timex);

    state->is_known = result >= 0;
    state->is_synchronised =
        result >= 0 && result != TIME_ERROR && !(timex.status & STA_UNSYNC);
    state->error_ns = timex.esterror * MICROSECOND_NS;
    state->max_error_ns = timex.maxerror * MICROSECOND_NS;
    state->wall = system_clock_wall();
    state->mono = system_clock_mono();
}

void
clock_state_check(const struct clock_state *before,
                  const struct clock_state *after, struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;

    if (!after->is_known) {
        diagnosis_skip(diagnosis, DIAGNOSIS_CLOCK, subject,
                       "the kernel does not tell how good it is");
    } else if (!after->is_synchronised) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_CLOCK_UNSYNCHRONISED,
                                subject, "the clock is not synchronised");
        diagnosis_fix(finding, "%s", synchronise);
        diagnosis_number(finding, "max_error_ms",
                         milliseconds(after->max_error_ns));
    } else if (after->error_ns >= ERROR_NS) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_CLOCK_ERROR, subject,
                                "the clock is off by an estimated %" PRIu64
                                " milliseconds",
                                milliseconds(after->error_ns));
        diagnosis_fix(finding, "chronyc makestep");
        diagnosis_number(finding, "error_ms", milliseconds(after->error_ns));
        diagnosis_number(finding, "max_error_ms",
                         milliseconds(after->max_error_ns));
    }
    if (after->wall.ns < EARLIEST_NS) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_CLOCK_WRONG, subject,
                                "the clock shows a date in the past");
        diagnosis_fix(finding, "%s", synchronise);
        diagnosis_number(finding, "seconds_since_1970",
                         (uint64_t)(after->wall.ns / SECOND_NS));
    }
    check_step(before, after, diagnosis);
}

static void
check_step(const struct clock_state *before, const struct clock_state *after,
           struct diagnosis *diagnosis)
{
    int64_t step_ns = clock_state_step_ns(before, after);
    struct diagnosis_finding *finding;

    if (llabs(step_ns) >= STEP_NS) {
        finding = diagnosis_add(diagnosis, DIAGNOSIS_CLOCK_STEP, subject,
                                "the clock was set %s by %" PRIu64
                                " milliseconds during the examination",
                                step_ns < 0 ? "back" : "forward",
                                milliseconds(llabs(step_ns)));
        diagnosis_fix(finding, "%s", synchronise);
        diagnosis_number(finding, "step_ms", milliseconds(llabs(step_ns)));
    }
}

/* Frames wait a little in the kernel's ring, so the least wait tells. */
void
clock_state_check_stamps(const char *interface,
                         const struct traffic_counts *counts,
                         struct diagnosis *diagnosis)
{
    struct diagnosis_finding *finding;
    int64_t lag_ns = counts->least_lag_ns;

    if (counts->frames == 0 || (lag_ns > -EARLY_NS && lag_ns < LATE_NS)) {
        return;
    }
    finding = diagnosis_add(
        diagnosis, DIAGNOSIS_CLOCK_STAMPS, interface,
        "packets are stamped %" PRIu64 " milliseconds %s they are read",
        milliseconds(llabs(lag_ns)), lag_ns < 0 ? "after" : "before");
    diagnosis_fix(finding, "phc2sys -a -r");
    diagnosis_number(finding, "apart_ms", milliseconds(llabs(lag_ns)));
}

int64_t
clock_state_step_ns(const struct clock_state *before,
                    const struct clock_state *after)
{
    return (after->wall.ns - before->wall.ns) -
           (after->mono.ns - before->mono.ns);
}

static uint64_t
milliseconds(int64_t ns)
{
    return ns < 0 ? 0 : (uint64_t)(ns / MILLISECOND_NS);
}
