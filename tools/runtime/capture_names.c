/* Names of files and interfaces; see capture_names.h. */

#include "tools/runtime/capture_names.h"

#include <stdlib.h>
#include <string.h>

void
capture_names_init(struct capture_names *names, char *const *files,
                   size_t n_files)
{
    memset(names, 0, sizeof *names);
    names->files = files;
    names->n_files = n_files;
    names->n_interfaces = 1; /* The first stays NULL and stands for "". */
}

void
capture_names_done(struct capture_names *names)
{
    for (size_t i = 1; i < names->n_interfaces; i++) {
        free(names->interfaces[i]);
    }
}

uint16_t
capture_names_intern(struct capture_names *names, const char *name)
{
    char *copy;

    if (!name[0]) {
        return 0;
    }
    for (size_t i = 1; i < names->n_interfaces; i++) {
        if (strcmp(names->interfaces[i], name) == 0) {
            return (uint16_t)i;
        }
    }
    if (names->n_interfaces == CAPTURE_NAMES_MAX || !(copy = strdup(name))) {
        names->n_unnamed++;
        return 0;
    }
    names->interfaces[names->n_interfaces] = copy;
    return (uint16_t)names->n_interfaces++;
}

const char *
capture_names_file(const struct capture_names *names, uint16_t file)
{
    return file < names->n_files ? names->files[file] : "";
}

const char *
capture_names_interface(const struct capture_names *names, uint16_t interface)
{
    return names->interfaces[interface] ? names->interfaces[interface] : "";
}
