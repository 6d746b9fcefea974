/* measure REPORT COMMAND [ARGUMENT...]: runs a command and writes what it cost
 * as one line: user, system and passed seconds, peak resident KiB, exit status.
 *
 * The kernel counts the peak of who starts a program to the program, so a large
 * interpreter cannot measure a small one; this is small. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    EXIT_NOT_RUN = 127,
    EXIT_SIGNAL = 128 /* Plus the number of the signal, as shells do. */
};

static double
seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int
main(int argc, char *argv[])
{
    struct rusage usage;
    double start = now();
    FILE *report;
    pid_t child;
    int status;

    if (argc < 3) {
        fputs("usage: measure REPORT COMMAND [ARGUMENT...]\n", stderr);
        return 2;
    }
    child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        fprintf(stderr, "measure: %s: %s\n", argv[2], strerror(errno));
        _exit(EXIT_NOT_RUN);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) {
        perror("measure");
        return EXIT_FAILURE;
    }
    status = WIFEXITED(status) ? WEXITSTATUS(status)
                               : EXIT_SIGNAL + WTERMSIG(status);
    report = fopen(argv[1], "w");
    if (!report ||
        fprintf(report, "%.6f %.6f %.6f %ld %d\n", seconds(usage.ru_utime),
                seconds(usage.ru_stime), now() - start, usage.ru_maxrss,
                status) < 0 ||
        fclose(report) != 0) {
        perror(argv[1]);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
