/* Filters for a handle; see live_filter.h. */

#include "capture/live_filter.h"

#include "capture/error.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/pcap.h>

static char *with_tags(const char *expression);
static bool has_word(const char *text, const char *word);
static bool put_in_force(pcap_t *, struct bpf_program *, struct error *);

bool
live_filter_set(pcap_t *pcap, const char *expression, struct error *error)
{
    bool tags = expression[0] && pcap_datalink(pcap) == DLT_EN10MB &&
                !has_word(expression, "vlan");
    char *made = tags ? with_tags(expression) : strdup(expression);
    struct bpf_program program;
    bool good;

    if (!made) {
        return error_set(error, ERROR_MEMORY, NULL, "no memory for the filter");
    }
    good = pcap_compile(pcap, &program, made, 1, PCAP_NETMASK_UNKNOWN) == 0;
    free(made);
    if (!good) {
        return error_set(error, ERROR_VALUE, NULL, "filter '%.80s': %s",
                         expression, pcap_geterr(pcap));
    }
    good = put_in_force(pcap, &program, error);
    pcap_freecode(&program);
    return good;
}

bool
live_filter_close(pcap_t *pcap, struct error *error)
{
    struct bpf_insn nothing = {.code = BPF_RET | BPF_K};
    struct bpf_program program = {.bf_len = 1, .bf_insns = &nothing};

    return put_in_force(pcap, &program, error);
}

static char *
with_tags(const char *expression)
{
    static const char form[] = "(%s) or (vlan and (%s))";
    size_t size = sizeof form + 2 * strlen(expression);
    char *made = size <= LIVE_FILTER_MAX_BYTES ? malloc(size) : NULL;

    if (made) {
        snprintf(made, size, form, expression, expression);
    }
    return made;
}

static bool
has_word(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = text; (at = strstr(at, word)); at += length) {
        if ((at == text || !isalnum((unsigned char)at[-1])) &&
            !isalnum((unsigned char)at[length])) {
            return true;
        }
    }
    return false;
}

static bool
put_in_force(pcap_t *pcap, struct bpf_program *program, struct error *error)
{
    return pcap_setfilter(pcap, program) == 0 ||
           error_set(error, ERROR_SYSTEM, NULL, "filter: %s",
                     pcap_geterr(pcap));
}
