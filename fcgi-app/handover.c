#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/listen.h"
#include "common/log.h"
#include "common/memory.h"

enum { FIRST_FD = 3, SPARE_FD = 16 };

#define CHILDREN "PERCH_HANDOVER"

const char *const handover_names[HANDOVER_SOCKETS] = {[POOL_APP] = "app", [POOL_AUTH] = "auth"};

void handover_program(const char *argv0, char ret_path[PATH_MAX])
{
    char folder[PATH_MAX] = "";
    struct stat self;
    struct stat named;
    ssize_t length = readlink("/proc/self/exe", ret_path, PATH_MAX - 1);
    ret_path[length > 0 ? length : 0] = '\0';
    /* Replaced since we were executed: what lies in its place is the program to change over to. */
    char *gone = strrchr(ret_path, ' ');
    if (gone != NULL && strcmp(gone, " (deleted)") == 0)
        *gone = '\0';
    if (strchr(argv0, '/') == NULL || (argv0[0] != '/' && getcwd(folder, sizeof folder) == NULL))
        return;
    size_t room = sizeof folder - strlen(folder);
    const char *slash = argv0[0] == '/' ? "" : "/";
    if ((size_t)snprintf(folder + strlen(folder), room, "%s%s", slash, argv0) < room &&
        stat("/proc/self/exe", &self) == 0 && stat(folder, &named) == 0 &&
        self.st_dev == named.st_dev && self.st_ino == named.st_ino)
        memcpy(ret_path, folder, sizeof folder);
}

/* The value of a variable as a number, -1 for none. */
static long number_of(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (text == NULL || text[0] < '0' || text[0] > '9')
        return -1;
    long number = strtol(text, &end, 10);
    return *end == '\0' ? number : -1;
}

/* The sockets by name; where they have none of ours, in the order of handover_names. */
static int sockets_take(struct handover *handover, long count)
{
    const char *names = getenv("LISTEN_FDNAMES");
    bool taken = false;
    for (int i = 0; i < count; i++) {
        size_t length = names != NULL ? strcspn(names, ":") : 0;
        for (int pool = 0; pool < HANDOVER_SOCKETS; pool++)
            if (length > 0 && strlen(handover_names[pool]) == length &&
                strncmp(names, handover_names[pool], length) == 0) {
                handover->sockets[pool].fd = FIRST_FD + i;
                taken = true;
            }
        if (names != NULL)
            names += length + (names[length] == ':');
    }
    if (!taken && count == HANDOVER_SOCKETS)
        for (int pool = 0; pool < HANDOVER_SOCKETS; pool++)
            handover->sockets[pool].fd = FIRST_FD + pool;
    for (int pool = 0; pool < HANDOVER_SOCKETS; pool++) {
        int fd = handover->sockets[pool].fd;
        int err = fd >= 0 ? listen_adopt(handover_names[pool], fd) : 0;
        if (err != 0)
            return err;
    }
    if (!taken && count != HANDOVER_SOCKETS)
        log_warn("none of the %ld sockets that were handed over is called app or auth", count);
    return 0;
}

/* "app auth w123 w124 h125": which sockets are our own, and the children. */
static void children_take(struct handover *handover, const char *text)
{
    handover->children = memory_new((strlen(text) / 2 + 1) * sizeof *handover->children);
    while (*text != '\0') {
        size_t length = strcspn(text, " ");
        pid_t pid = (pid_t)strtol(text + 1, NULL, 10);
        siginfo_t info;
        for (int pool = 0; pool < HANDOVER_SOCKETS; pool++)
            if (strlen(handover_names[pool]) == length &&
                strncmp(text, handover_names[pool], length) == 0)
                handover->sockets[pool].own = handover->sockets[pool].fd >= 0;
        /* It may have ended meanwhile, and is still to be waited for; somebody else's is refused.
         */
        if (pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
            handover->children[handover->child_count++] =
                (struct handover_child){.pid = pid, .role = text[0]};
        text += length + (text[length] == ' ');
    }
}

int handover_take(struct handover *ret_handover)
{
    struct handover handover = {0};
    const char *children = getenv(CHILDREN);
    long count = number_of("LISTEN_PID") == getpid() ? number_of("LISTEN_FDS") : -1;
    int err = 0;
    for (int pool = 0; pool < HANDOVER_SOCKETS; pool++)
        handover.sockets[pool].fd = -1;
    if (count > 0)
        err = sockets_take(&handover, count);
    if (count > 0 && children != NULL)
        children_take(&handover, children);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    unsetenv(CHILDREN);
    *ret_handover = handover;
    return err;
}

void handover_release(struct handover *handover)
{
    free(handover->children);
}

pid_t handover_check(const char *program, const sigset_t *mask)
{
    pid_t pid = fork();
    if (pid < 0)
        log_error("cannot fork: %s", strerror(errno));
    if (pid != 0)
        return pid;
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, STDOUT_FILENO);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    execl(program, program, "--check-start", (char *)NULL);
    log_error("%s cannot be executed: %s", program, strerror(errno));
    _exit(1);
}

static void environment_set(const struct handover *handover, int count, const char *names)
{
    char number[16];
    struct buf children = {0};
    for (int pool = 0; pool < HANDOVER_SOCKETS; pool++)
        if (handover->sockets[pool].own)
            buf_addf(&children, "%s ", handover_names[pool]);
    for (int i = 0; i < handover->child_count; i++)
        buf_addf(&children, "%c%d ", handover->children[i].role, (int)handover->children[i].pid);
    buf_adds(&children, "");
    snprintf(number, sizeof number, "%d", (int)getpid());
    setenv("LISTEN_PID", number, 1);
    snprintf(number, sizeof number, "%d", count);
    setenv("LISTEN_FDS", number, 1);
    setenv("LISTEN_FDNAMES", names, 1);
    setenv(CHILDREN, children.data != NULL ? children.data : "", 1);
    buf_release(&children);
}

void handover_execute(const char *program, const struct handover *handover)
{
    int before[HANDOVER_SOCKETS] = {-1, -1}; /* what has the numbers that the sockets must get */
    int sockets[HANDOVER_SOCKETS] = {-1, -1};
    char names[64] = "";
    int count = 0;
    for (int pool = 0; pool < HANDOVER_SOCKETS; pool++) {
        before[pool] = fcntl(FIRST_FD + pool, F_DUPFD_CLOEXEC, SPARE_FD);
        if (handover->sockets[pool].fd < 0)
            continue;
        sockets[count++] = fcntl(handover->sockets[pool].fd, F_DUPFD_CLOEXEC, SPARE_FD);
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s",
                 names[0] != '\0' ? ":" : "", handover_names[pool]);
    }
    for (int i = 0; i < count; i++)
        (void)dup2(sockets[i], FIRST_FD + i); /* without close-on-exec */
    environment_set(handover, count, names);
    execl(program, program, (char *)NULL);
    log_error("%s cannot be executed: %s", program, strerror(errno));
    for (int i = 0; i < HANDOVER_SOCKETS; i++) {
        close(FIRST_FD + i);
        if (before[i] >= 0) {
            (void)dup3(before[i], FIRST_FD + i, O_CLOEXEC);
            close(before[i]);
        }
        if (sockets[i] >= 0)
            close(sockets[i]);
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    unsetenv(CHILDREN);
}
