/* Any bytes as a configuration: refused or loaded; what is loaded is printed,
 * and reads back as the same. */

#include "rules/problems.h"
#include "tools/settings/settings.h"
#include "tools/settings/settings_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
print(const struct settings *settings, size_t *size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, size);

    if (!out) {
        abort();
    }
    settings_print(settings, out);
    fclose(out);
    return text;
}

static void
check_again(const struct settings *settings, struct problems *problems)
{
    static struct settings again;
    size_t size, size_again;
    char *text = print(settings, &size), *text_again;

    if (!settings_load_bytes(&again, "again", text, size, problems)) {
        problems_print(problems, stderr);
        abort();
    }
    text_again = print(&again, &size_again);
    if (size != size_again || memcmp(text, text_again, size) != 0) {
        abort();
    }
    free(text);
    free(text_again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct settings settings;
    struct problems problems;
    char text[400];
    bool good;

    problems_init(&problems);
    good = settings_load_bytes(&settings, "fuzz", (const char *)data, size,
                               &problems);
    if (good != (problems.n_errors == 0)) {
        abort(); /* Refused without a reason, or accepted with one. */
    }
    settings_memory_text(&settings, text, sizeof text);
    if (good) {
        check_again(&settings, &problems);
    }
    problems_done(&problems);
    return 0;
}
