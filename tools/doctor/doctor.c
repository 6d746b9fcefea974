/* The order of an examination; see doctor.h. */

#include "tools/doctor/doctor.h"

#include "capture/error.h"
#include "tools/doctor/check_link.h"
#include "tools/doctor/check_traffic.h"
#include "tools/doctor/traffic_watch.h"

static void find_interfaces(struct doctor *);
static bool examine_traffic(struct doctor *, struct error *);
static void check_captured(struct doctor *, size_t interface);

bool
doctor_examine(struct doctor *doctor, const struct doctor_options *options,
               struct error *error)
{
    doctor->options = options;
    doctor->n_nics = 0;
    doctor->traffic = NULL;
    doctor->took_ns = 0;
    clock_state_read(&doctor->begin);
    find_interfaces(doctor);
    if (doctor->n_nics && !examine_traffic(doctor, error)) {
        return false;
    }
    clock_state_read(&doctor->end);
    clock_state_check(&doctor->begin, &doctor->end, &doctor->diagnosis);
    host_state_read(options->output, options->memory_bytes, &doctor->host);
    host_state_check(&doctor->host, &doctor->diagnosis);
    for (size_t i = 0; i < options->n_servers; i++) {
        redis_examine(&options->servers[i], &doctor->servers[i],
                      &doctor->diagnosis);
    }
    diagnosis_sort(&doctor->diagnosis);
    return true;
}

void
doctor_done(struct doctor *doctor)
{
    traffic_free(doctor->traffic);
}

static void
find_interfaces(struct doctor *doctor)
{
    const struct doctor_options *options = doctor->options;

    for (size_t i = 0; i < options->n_interfaces; i++) {
        struct nic *nic = &doctor->nics[doctor->n_nics];
        struct error error;

        if (nic_read(options->interfaces[i], nic, &error)) {
            check_link(nic, &doctor->diagnosis);
            doctor->n_nics++;
        } else {
            struct diagnosis_finding *finding =
                diagnosis_add(&doctor->diagnosis, DIAGNOSIS_LINK_MISSING,
                              options->interfaces[i], "%s", error.message);

            diagnosis_fix(finding, "ip link show");
        }
    }
}

static bool
examine_traffic(struct doctor *doctor, struct error *error)
{
    const struct traffic_watch_options options = {
        .nics = doctor->nics,
        .n_nics = doctor->n_nics,
        .duration_ns = doctor->options->duration_ns,
        .snapshot = doctor->options->snapshot,
        .stop = doctor->options->stop,
    };

    doctor->traffic = traffic_new(error);
    if (!doctor->traffic) {
        return false;
    }
    doctor->took_ns =
        traffic_watch(&options, doctor->traffic, &doctor->diagnosis);
    for (size_t i = 0; i < doctor->n_nics; i++) {
        if (traffic_of(doctor->traffic, i)->is_captured) {
            check_captured(doctor, i);
        }
    }
    return true;
}

static void
check_captured(struct doctor *doctor, size_t interface)
{
    const struct traffic_counts *counts =
        traffic_of(doctor->traffic, interface);
    const struct nic *nic = &doctor->nics[interface];
    struct error error;
    struct nic now;

    check_traffic(nic, counts, doctor->options->snapshot, &doctor->diagnosis);
    clock_state_check_stamps(nic->name, counts, &doctor->diagnosis);
    if (nic_read(nic->name, &now, &error)) {
        check_link_losses(nic, &now, &doctor->diagnosis);
    }
}
