/* alone read CAPTURE            reads it with libpcap, and that is all
 * alone file LINES BYTES FILE   writes so many lines of so many bytes
 * alone redis LINES BYTES PORT  the same into a stream of a server on the
 *                               loopback, with hiredis as its documentation
 *                               says: commands appended, answers taken
 *
 * What no program can do without that reads that capture, or writes that much:
 * measured beside them, it says how much of their time is their own. */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>
#include <pcap/pcap.h>

enum {
    BUFFER_BYTES = 1 << 18,
    PIPELINE = 128, /* Commands before answers are taken. */
    ID_SIZE = 32,
    ARGUMENTS = 5
};

static int
read_capture(const char *path)
{
    char error[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(path, error);
    struct pcap_pkthdr *header;
    const u_char *bytes;
    uint64_t n = 0;
    int status;

    if (!pcap) {
        fprintf(stderr, "alone: %s\n", error);
        return EXIT_FAILURE;
    }
    while ((status = pcap_next_ex(pcap, &header, &bytes)) == 1) {
        n += header->caplen > 0;
    }
    printf("%" PRIu64 " packets\n", n);
    pcap_close(pcap);
    return status == PCAP_ERROR_BREAK ? EXIT_SUCCESS : EXIT_FAILURE;
}

static char *
make_line(size_t size)
{
    char *line = malloc(size);

    if (line) {
        memset(line, 'x', size);
        line[size - 1] = '\n';
    }
    return line;
}

static int
write_file(unsigned long n_lines, const char *line, size_t size,
           const char *path)
{
    FILE *file = fopen(path, "w");
    bool good = file != NULL;

    if (file) {
        setvbuf(file, NULL, _IOFBF, BUFFER_BYTES);
        for (unsigned long i = 0; good && i < n_lines; i++) {
            good = fwrite(line, 1, size, file) == size;
        }
        good = fclose(file) == 0 && good;
    }
    if (!good) {
        perror(path);
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static bool
add(redisContext *redis, unsigned long i, const char *line, size_t size)
{
    char id[ID_SIZE];
    const char *words[ARGUMENTS] = {"XADD", "alone", id, "event", line};
    size_t sizes[ARGUMENTS] = {4, 5, 0, 5, size};

    sizes[2] = (size_t)snprintf(id, sizeof id, "1-%lu", i + 1);
    return redisAppendCommandArgv(redis, ARGUMENTS, words, sizes) == REDIS_OK;
}

static bool
take(redisContext *redis)
{
    void *reply = NULL;
    bool good = redisGetReply(redis, &reply) == REDIS_OK &&
                ((redisReply *)reply)->type == REDIS_REPLY_STRING;

    freeReplyObject(reply);
    return good;
}

static int
write_redis(unsigned long n_lines, const char *line, size_t size, int port)
{
    redisContext *redis = redisConnect("127.0.0.1", port);
    bool good = redis && !redis->err;

    for (unsigned long first = 0; good && first < n_lines; first += PIPELINE) {
        unsigned long end =
            n_lines - first > PIPELINE ? first + PIPELINE : n_lines;

        for (unsigned long i = first; good && i < end; i++) {
            good = add(redis, i, line, size);
        }
        for (unsigned long i = first; good && i < end; i++) {
            good = take(redis);
        }
    }
    if (!good) {
        fprintf(stderr, "alone: %s\n",
                redis && redis->err ? redis->errstr : "the server refused");
    }
    redisFree(redis);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
    unsigned long n_lines = argc == 5 ? strtoul(argv[2], NULL, 10) : 0;
    size_t size = argc == 5 ? strtoul(argv[3], NULL, 10) : 0;
    int status = EXIT_FAILURE;
    char *line = NULL;

    if (argc == 3 && strcmp(argv[1], "read") == 0) {
        return read_capture(argv[2]);
    }
    if (size > 0 && (line = make_line(size))) {
        if (strcmp(argv[1], "file") == 0) {
            status = write_file(n_lines, line, size, argv[4]);
        } else if (strcmp(argv[1], "redis") == 0) {
            status = write_redis(n_lines, line, size,
                                 (int)strtol(argv[4], NULL, 10));
        }
    } else {
        fprintf(stderr, "usage: alone read CAPTURE | file LINES BYTES FILE"
                        " | redis LINES BYTES PORT\n");
    }
    free(line);
    return status;
}
