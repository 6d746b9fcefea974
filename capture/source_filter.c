/* libpcap compiles only for a capture it has opened, and numbers some link
 * types differently from the files.  An empty capture of the right link type,
 * in memory, makes it translate the number itself. */

#include "capture/source_filter.h"

#include "capture/error.h"
#include "capture/file_kind.h"
#include "capture/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

struct program {
    uint16_t link;
    struct bpf_program code;
};

struct source_filter {
    char *expression;
    const struct program *current; /* What source_filter_prepare() found. */
    unsigned n_programs;
    struct program programs[SOURCE_FILTER_MAX_LINKS];
};

static bool program_compile(const char *expression, uint16_t link,
                            struct bpf_program *code, struct error *error);
static pcap_t *open_empty(uint16_t link, struct error *error);

struct source_filter *
source_filter_new(const char *expression, struct error *error)
{
    struct source_filter *filter = calloc(1, sizeof *filter);

    if (filter) {
        filter->expression = strdup(expression);
    }
    if (!filter || !filter->expression) {
        error_set(error, ERROR_MEMORY, NULL, "no memory for the filter");
        free(filter);
        return NULL;
    }
    return filter;
}

void
source_filter_free(struct source_filter *filter)
{
    if (!filter) {
        return;
    }
    for (unsigned i = 0; i < filter->n_programs; i++) {
        pcap_freecode(&filter->programs[i].code);
    }
    free(filter->expression);
    free(filter);
}

const char *
source_filter_library_version(void)
{
    return pcap_lib_version();
}

bool
source_filter_prepare(struct source_filter *filter, uint16_t link,
                      struct error *error)
{
    struct program *program;

    if (filter->current && filter->current->link == link) {
        return true;
    }
    for (unsigned i = 0; i < filter->n_programs; i++) {
        if (filter->programs[i].link == link) {
            filter->current = &filter->programs[i];
            return true;
        }
    }
    if (filter->n_programs == SOURCE_FILTER_MAX_LINKS) {
        return error_set(error, ERROR_LIMIT, NULL,
                         "filter: more than %d link types in one file",
                         SOURCE_FILTER_MAX_LINKS);
    }
    program = &filter->programs[filter->n_programs];
    if (!program_compile(filter->expression, link, &program->code, error)) {
        return false;
    }
    program->link = link;
    filter->n_programs++;
    filter->current = program;
    return true;
}

bool
source_filter_match(const struct source_filter *filter,
                    const struct frame *frame)
{
    struct pcap_pkthdr header = {.caplen = frame->captured,
                                 .len = frame->wire_size};

    return pcap_offline_filter(&filter->current->code, &header, frame->data);
}

static bool
program_compile(const char *expression, uint16_t link, struct bpf_program *code,
                struct error *error)
{
    pcap_t *pcap = open_empty(link, error);
    bool good;

    if (!pcap) {
        return false;
    }
    good = pcap_compile(pcap, code, expression, 1, PCAP_NETMASK_UNKNOWN) == 0;
    if (!good) {
        error_set(error, ERROR_VALUE, NULL,
                  "filter '%.80s' does not fit link type %u: %s", expression,
                  link, pcap_geterr(pcap));
    }
    pcap_close(pcap);
    return good;
}

static pcap_t *
open_empty(uint16_t link, struct error *error)
{
    struct pcap_file_header header = {
        .magic = PCAP_MAGIC_MICROSECOND,
        .version_major = PCAP_VERSION_MAJOR,
        .version_minor = PCAP_VERSION_MINOR,
        .snaplen = SOURCE_MAX_FRAME_BYTES,
        .linktype = link,
    };
    char text[PCAP_ERRBUF_SIZE] = "no memory";
    FILE *file = fmemopen(&header, sizeof header, "rb");
    pcap_t *pcap = file ? pcap_fopen_offline(file, text) : NULL;

    if (!pcap) {
        error_set(error, ERROR_SYSTEM, NULL, "filter: %s", text);
        if (file) {
            fclose(file);
        }
    }
    return pcap; /* Has taken the file over. */
}
