/* segmon --version: this program's version and its libraries'. */

#include "dissect/application.h"
#include "tools/commands/command.h"
#include "tools/output/event.h"

#include <stdio.h>

int
command_version(void)
{
    printf("segmon %s\n", SEGMON_VERSION);
    printf("event schema %s, ECS %s\n", EVENT_SCHEMA_VERSION,
           EVENT_ECS_VERSION);
    printf("nDPI %s\n", application_library_version());
    return command_finish_stdout(COMMAND_OK);
}
