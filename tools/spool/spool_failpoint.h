/* Named places where a test can end the program, or have a system call fail.
 *
 * In the product they are nothing.  Tests compile the spool a second time with
 * SPOOL_FAILPOINTS, and say in spool_failpoint() what happens where. */

#ifndef TOOLS_SPOOL_SPOOL_FAILPOINT_H
#define TOOLS_SPOOL_SPOOL_FAILPOINT_H

#ifdef SPOOL_FAILPOINTS
int spool_failpoint(const char *name);
/* The errno that the call which follows is to fail with; 0: it is made. */
#define SPOOL_FAILPOINT(name) spool_failpoint(name)
/* Something was just done. */
#define SPOOL_DONE(name) ((void)spool_failpoint(name))
#else
#define SPOOL_FAILPOINT(name) 0
#define SPOOL_DONE(name)      ((void)0)
#endif

#endif
