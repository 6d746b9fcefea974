/* See redis_server.h. */

#include "tests/support/redis_server.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    START_POLLS = 200,
    POLL_MS = 25,
    N_FIXED = 9,
    MAX_PATH = 512
};

static void exec_server(const struct redis_server *server, const char *program,
                        const char *const *arguments);
static bool listens(const char *path);
static void remove_folder(const char *path);

bool
redis_server_start(struct redis_server *server, const char *program,
                   const char *const *arguments)
{
    snprintf(server->folder, sizeof server->folder, "/tmp/segmon-redis-XXXXXX");
    if (!mkdtemp(server->folder)) {
        return false;
    }
    snprintf(server->socket, sizeof server->socket, "%s/socket",
             server->folder);
    snprintf(server->uri, sizeof server->uri, "unix://%s", server->socket);
    return redis_server_restart(server, program, arguments);
}

bool
redis_server_restart(struct redis_server *server, const char *program,
                     const char *const *arguments)
{
    const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};

    unlink(server->socket);
    server->pid = fork();
    if (server->pid < 0) {
        return false;
    }
    if (server->pid == 0) {
        exec_server(server, program, arguments);
    }
    for (unsigned i = 0; i < START_POLLS; i++) {
        if (listens(server->socket)) {
            return true;
        }
        nanosleep(&pause, NULL);
    }
    return false;
}

void
redis_server_signal(struct redis_server *server, int signal)
{
    kill(server->pid, signal);
}

void
redis_server_kill(struct redis_server *server)
{
    if (server->pid > 0) {
        kill(server->pid, SIGKILL);
        waitpid(server->pid, NULL, 0);
        server->pid = 0;
    }
}

void
redis_server_stop(struct redis_server *server)
{
    redis_server_kill(server);
    remove_folder(server->folder);
}

static void
exec_server(const struct redis_server *server, const char *program,
            const char *const *arguments)
{
    const char *list[N_FIXED + REDIS_SERVER_MAX_ARGUMENTS + 1] = {
        program,        "--port", "0", "--unixsocket", server->socket, "--dir",
        server->folder, "--save", ""};
    char *argv[N_FIXED + REDIS_SERVER_MAX_ARGUMENTS + 1];
    size_t n = N_FIXED;
    int null = open("/dev/null", O_WRONLY);

    for (size_t i = 0;
         arguments && arguments[i] && i < REDIS_SERVER_MAX_ARGUMENTS; i++) {
        list[n++] = arguments[i];
    }
    for (size_t i = 0; i < n; i++) {
        argv[i] = strdup(list[i]); /* execv() takes writable texts. */
    }
    argv[n] = NULL;
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    execv(program, argv);
    _exit(127);
}

static bool
listens(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    bool connected;

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    connected =
        connect(fd, (struct sockaddr *)(void *)&address, sizeof address) == 0;
    close(fd);
    return connected;
}

/* Two levels are all redis-server makes. */
static void
remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char inside[MAX_PATH];

    while (folder && (entry = readdir(folder))) {
        struct stat status;

        if (strcmp(entry->d_name, ".") == 0 ||
            strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (lstat(inside, &status) == 0 && S_ISDIR(status.st_mode)) {
            remove_folder(inside);
        } else {
            unlink(inside);
        }
    }
    if (folder) {
        closedir(folder);
    }
    rmdir(path);
}
