/* See doctor_text.h. */

#include "tools/doctor/doctor_text.h"

#include "tools/doctor/doctor.h"
#include "tools/event/utf8.h"
#include "tools/report/text.h"

#include <inttypes.h>
#include <string.h>

enum {
    LABEL_COLUMNS = 9,
    MAX_SHOWN = 1024
};

static void print_interface(const struct doctor *, size_t interface, FILE *);
static void print_traffic(const struct traffic_counts *, int64_t took_ns,
                          FILE *);
static void print_clock(const struct doctor *, FILE *);
static void print_host(const struct doctor *, FILE *);
static void print_server(const struct redis_examined *, FILE *);
static void print_findings(const struct doctor *, bool color, FILE *);
static void print_finding(const struct diagnosis_finding *, bool color, FILE *);
static void print_evidence(const struct diagnosis_finding *, FILE *);
static void print_rest(const struct diagnosis *, FILE *);
static void show(const char *text, FILE *);

void
doctor_print(const struct doctor *doctor, bool color, FILE *stream)
{
    for (size_t i = 0; i < doctor->n_nics; i++) {
        print_interface(doctor, i, stream);
    }
    print_clock(doctor, stream);
    print_host(doctor, stream);
    for (size_t i = 0; i < doctor->options->n_servers; i++) {
        print_server(&doctor->servers[i], stream);
    }
    print_findings(doctor, color, stream);
    print_rest(&doctor->diagnosis, stream);
}

static void
print_interface(const struct doctor *doctor, size_t interface, FILE *stream)
{
    const struct nic *nic = &doctor->nics[interface];

    fprintf(stream, "%-*s ", LABEL_COLUMNS, "link");
    show(nic->name, stream);
    fprintf(stream, ": %s",
            !nic->link.up       ? "down"
            : nic->link.carrier ? "up"
                                : "up, but not connected");
    if (nic->speed_mbit) {
        fprintf(stream, ", %" PRIu32 " Mbit/s", nic->speed_mbit);
    }
    fprintf(stream, ", MTU %" PRIu32 ", %spromiscuous before", nic->link.mtu,
            nic->link.promiscuous ? "" : "not ");
    if (nic->driver[0]) {
        fputs(", ", stream);
        show(nic->driver, stream);
    }
    fputc('\n', stream);
    if (doctor->traffic &&
        traffic_of(doctor->traffic, interface)->is_captured) {
        print_traffic(traffic_of(doctor->traffic, interface), doctor->took_ns,
                      stream);
    }
}

static void
print_traffic(const struct traffic_counts *counts, int64_t took_ns,
              FILE *stream)
{
    char frames[TEXT_NUMBER_SIZE], bytes[TEXT_NUMBER_SIZE];

    fprintf(stream,
            "%-*s %s frames, %s, in %.1f s; TCP conversations: %" PRIu64
            " seen from both sides, %" PRIu64 " from one\n",
            LABEL_COLUMNS, "traffic", text_count(counts->frames, frames),
            text_bytes(counts->bytes, bytes), (double)took_ns / 1e9,
            counts->two_sided, counts->one_sided);
}

static void
print_clock(const struct doctor *doctor, FILE *stream)
{
    const struct clock_state *clock = &doctor->end;

    if (!clock->is_known) {
        return;
    }
    fprintf(stream, "%-*s %ssynchronised", LABEL_COLUMNS, "clock",
            clock->is_synchronised ? "" : "not ");
    if (clock->is_synchronised) {
        fprintf(stream, ", off by %.3f ms as estimated",
                (double)clock->error_ns / 1e6);
    }
    fputc('\n', stream);
}

static void
print_host(const struct doctor *doctor, FILE *stream)
{
    const struct host_state *host = &doctor->host;
    char bytes[TEXT_NUMBER_SIZE];

    fprintf(stream, "%-*s Linux ", LABEL_COLUMNS, "host");
    show(host->release, stream);
    if (host->memory_bytes != UINT64_MAX) {
        fprintf(stream, ", %s of memory left",
                text_bytes(host->memory_bytes, bytes));
    }
    fputc('\n', stream);
}

static void
print_server(const struct redis_examined *server, FILE *stream)
{
    char bytes[TEXT_NUMBER_SIZE];

    fprintf(stream, "%-*s ", LABEL_COLUMNS, "redis");
    show(server->name, stream);
    fputs(server->is_reached ? "" : ": not reached", stream);
    if (server->ping_ns) {
        fprintf(stream, ": answers in %.3f ms", (double)server->ping_ns / 1e6);
    }
    if (server->version[0]) {
        fputs(", version ", stream);
        show(server->version, stream);
        fputs(", ", stream);
        show(server->role, stream);
        fprintf(stream, ", %s used", text_bytes(server->used_bytes, bytes));
    }
    if (server->max_bytes) {
        fprintf(stream, " of %s", text_bytes(server->max_bytes, bytes));
    }
    fputc('\n', stream);
}

static void
print_findings(const struct doctor *doctor, bool color, FILE *stream)
{
    const struct diagnosis *diagnosis = &doctor->diagnosis;

    for (size_t i = 0; i < diagnosis->n_findings; i++) {
        print_finding(&diagnosis->findings[i], color, stream);
    }
    if (diagnosis->n_findings == 0) {
        fprintf(stream, "\n%snothing is wrong%s%s\n",
                text_color(color, TEXT_GREEN), text_color(color, TEXT_PLAIN),
                diagnosis->is_incomplete ? " with what could be examined" : "");
    }
}

static void
print_finding(const struct diagnosis_finding *finding, bool color, FILE *stream)
{
    static const enum text_color colors[] = {
        [DIAGNOSIS_OK] = TEXT_GREEN,
        [DIAGNOSIS_INFO] = TEXT_DIM,
        [DIAGNOSIS_WARNING] = TEXT_YELLOW,
        [DIAGNOSIS_CRITICAL] = TEXT_RED,
    };
    const struct diagnosis_kind *kind = diagnosis_kind_of(finding->code);

    fprintf(stream, "\n%s%s%s  ", text_color(color, colors[kind->severity]),
            diagnosis_severity_name(kind->severity),
            text_color(color, TEXT_PLAIN));
    show(finding->subject, stream);
    fputs(": ", stream);
    show(finding->what, stream);
    fprintf(stream, "  [%s]\n    why: %s\n", kind->code, kind->why);
    if (finding->fix[0]) {
        fputs("    fix: ", stream);
        show(finding->fix, stream);
        fputc('\n', stream);
    }
    print_evidence(finding, stream);
}

static void
print_evidence(const struct diagnosis_finding *finding, FILE *stream)
{
    for (size_t i = 0; i < finding->n_evidence; i++) {
        const struct diagnosis_evidence *evidence = &finding->evidence[i];

        fprintf(stream, "%s%s ", i ? ", " : "    seen: ", evidence->name);
        if (evidence->is_number) {
            fprintf(stream, "%" PRIu64, evidence->number);
        } else {
            show(evidence->text, stream);
        }
    }
    if (finding->n_evidence) {
        fputc('\n', stream);
    }
}

static void
print_rest(const struct diagnosis *diagnosis, FILE *stream)
{
    for (size_t i = 0; i < diagnosis->n_unexamined; i++) {
        const struct diagnosis_unexamined *one = &diagnosis->unexamined[i];

        fprintf(stream, "%s  %s of ", i ? "" : "\nnot examined\n",
                diagnosis_area_name(one->area));
        show(one->subject, stream);
        fputs(": ", stream);
        show(one->reason, stream);
        fputc('\n', stream);
    }
    if (diagnosis->left_out) {
        fprintf(stream, "\n%" PRIu64 " more are not shown\n",
                diagnosis->left_out);
    }
    if (diagnosis->n_ignored) {
        fprintf(stream, "\n%" PRIu64 " ignored, as asked for\n",
                diagnosis->n_ignored);
    }
}

static void
show(const char *text, FILE *stream)
{
    char shown[MAX_SHOWN];

    fwrite(shown, 1, utf8_escape(shown, sizeof shown, text, strlen(text)),
           stream);
}
