/* segmon schema: prints the JSON Schema of the events. */

#include "tools/commands/command.h"
#include "tools/event/schema.h"

#include <stdio.h>
#include <string.h>

int
command_schema(int argc, char *argv[])
{
    if (argc == 1) {
        fputs(schema_text(), stdout);
        return COMMAND_OK;
    }
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        fputs("usage: segmon schema\n"
              "\n"
              "Prints the JSON Schema (2020-12) that every event follows.\n",
              stdout);
        return COMMAND_OK;
    }
    fprintf(stderr, "segmon schema: unexpected argument '%s'\n", argv[1]);
    return COMMAND_USAGE;
}
