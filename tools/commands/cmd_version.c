/* segmon --version: this program's version and its libraries'. */

#include "capture/decompress.h"
#include "capture/source_filter.h"
#include "dissect/application.h"
#include "rules/load/yaml_doc.h"
#include "tools/commands/command.h"
#include "tools/event/event.h"
#include "tools/redis/redis_link.h"
#include "tools/redis/redis_tls.h"

#include <stdio.h>

int
command_version(void)
{
    printf("segmon %s\n", SEGMON_VERSION);
    printf("event schema %s, ECS %s\n", EVENT_SCHEMA_VERSION,
           EVENT_ECS_VERSION);
    printf("%s\n", source_filter_library_version());
    printf("nDPI %s\n", application_library_version());
    printf("hiredis %s\n", redis_link_library_version());
    printf("%s\n", redis_tls_library_version());
    printf("libyaml %s\n", yaml_doc_library_version());
    printf("zlib %s\n", decompress_zlib_version());
    printf("zstd %s\n", decompress_zstd_version());
    return command_finish_stdout(COMMAND_OK);
}
