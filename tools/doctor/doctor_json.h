/* An examination for programs: one JSON document, as segmon-doctor-1.0.json
 * describes it. */

#ifndef TOOLS_DOCTOR_DOCTOR_JSON_H
#define TOOLS_DOCTOR_DOCTOR_JSON_H

struct doctor;
struct json;

/* 'status' is the exit status; 'json' must be empty.  It has failed if the
 * document is too large for it. */
void doctor_write_json(const struct doctor *, const char *version, int status,
                       struct json *);

#endif
