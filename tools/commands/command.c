/* What the subcommands share; see command.h. */

#include "tools/commands/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int
command_finish_stdout(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) {
        return status;
    }
    fprintf(stderr, "segmon: standard output: %s\n", strerror(errno));
    return status == COMMAND_OK ? COMMAND_FAILED : status;
}
