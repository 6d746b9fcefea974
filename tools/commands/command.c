/* What the subcommands share; see command.h. */

#include "tools/commands/command.h"

#include <stdio.h>

int
command_finish_stdout(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    perror("segmon: standard output");
    return status == COMMAND_OK ? COMMAND_FAILED : status;
}
