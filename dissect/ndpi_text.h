/* Text in a payload, looked for faster.
 *
 * Twenty of nDPI's dissectors want the lines of a payload, others words in it
 * or at its start, and what is nobody's text is searched byte by byte each
 * time: a tenth of what a mix of traffic costs to inspect. */

#ifndef DISSECT_NDPI_TEXT_H
#define DISSECT_NDPI_TEXT_H

#include <stdbool.h>

/* As ndpi_hotfix_install(). */
bool ndpi_text_install(void);

#endif
