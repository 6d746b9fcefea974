/* A main() that feeds every file of a corpus folder to the fuzz target, each in
 * an allocation of exactly its size so that AddressSanitizer sees over-reads.
 */

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    REPLAY_MAX_BYTES = 1 << 20 /* Of one input; libFuzzer's own default. */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
replay_stream(FILE *file)
{
    long size = fseek(file, 0, SEEK_END) ? -1 : ftell(file);
    uint8_t *data;
    bool whole;

    if (size < 0 || size > REPLAY_MAX_BYTES) {
        return false;
    }
    data = malloc((size_t)size ? (size_t)size : 1);
    if (!data) {
        return false;
    }
    rewind(file);
    whole = fread(data, 1, (size_t)size, file) == (size_t)size;
    if (whole) {
        LLVMFuzzerTestOneInput(data, (size_t)size);
    }
    free(data);
    return whole;
}

static bool
replay_file(const char *folder, const char *name)
{
    char path[4096];
    FILE *file;
    bool done;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "rb");
    done = file && replay_stream(file);
    if (!done) {
        fprintf(stderr, "%s: cannot be read\n", path);
    }
    if (file) {
        fclose(file);
    }
    return done;
}

int
main(int argc, char *argv[])
{
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;
    int n_files = 0;
    int n_failed = 0;

    if (!folder) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 1;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): this program has one thread. */
    while ((entry = readdir(folder))) {
        if (entry->d_name[0] != '.') {
            n_files++;
            n_failed += !replay_file(argv[1], entry->d_name);
        }
    }
    closedir(folder);
    printf("%d inputs\n", n_files);
    return n_files && !n_failed ? 0 : 1;
}
