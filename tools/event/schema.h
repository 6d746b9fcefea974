/* The JSON Schema of the events this program writes, as it was built in. */

#ifndef TOOLS_EVENT_SCHEMA_H
#define TOOLS_EVENT_SCHEMA_H

const char *schema_text(void);

#endif
