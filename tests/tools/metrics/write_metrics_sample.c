/* write_metrics_sample FILE: metrics that have a sample in every family. */

#include "tests/tools/metrics/metrics_sample.h"
#include "tools/metrics/metrics_text.h"

#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
    struct policy *policy = policy_observe_all();
    struct metrics_sample sample;
    struct metrics_text text;
    size_t size;
    char *bytes;
    FILE *file = argc == 2 ? fopen(argv[1], "w") : NULL;

    if (!file || !policy) {
        return 1;
    }
    metrics_sample_init(&sample, policy);
    metrics_text_init(&text);
    metrics_write(&text, &sample.metrics);
    bytes = metrics_text_take(&text, &size);
    if (!bytes || fwrite(bytes, 1, size, file) != size) {
        return 1;
    }
    free(bytes);
    metrics_sample_done(&sample);
    policy_unref(policy);
    return fclose(file) == 0 ? 0 : 1;
}
