#include "child.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"

static volatile sig_atomic_t ending;
static volatile sig_atomic_t ending_for_all;

static const int ends[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT};

static void on_end(int signal)
{
    ending = 1;
    if (signal == SIGTERM || signal == SIGINT)
        ending_for_all = 1;
}

void child_signals_init(void)
{
    struct sigaction action = {.sa_handler = on_end};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        sigaction(ends[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

bool child_is_ending(void)
{
    sigset_t pending;
    if (ending == 0 && sigpending(&pending) == 0)
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
            if (sigismember(&pending, ends[i]) == 1)
                on_end(ends[i]);
    return ending != 0;
}

bool child_is_replaced(void)
{
    return child_is_ending() && ending_for_all == 0;
}

void child_ready(const struct child *child)
{
    pid_t pid = getpid();
    if (write(child->ready_fd, &pid, sizeof pid) != sizeof pid)
        log_warn("cannot tell the master that I am ready: %s", strerror(errno));
}

int child_identity_find(const struct conf *conf, struct identity *ret_identity)
{
    struct identity identity = {.group_count = sizeof identity.groups / sizeof identity.groups[0]};
    if (geteuid() != 0) {
        *ret_identity = (struct identity){0};
        return 0;
    }
    const struct passwd *user = conf->user ? getpwnam(conf->user) : NULL;
    if (user == NULL || user->pw_uid == 0) {
        log_error("started as root: PERCH_USER must name an existing user other than root");
        return ERR_CONFIG;
    }
    identity.change = true;
    identity.uid = user->pw_uid;
    identity.gid = user->pw_gid;
    if (getgrouplist(user->pw_name, user->pw_gid, identity.groups, &identity.group_count) < 0) {
        log_error("PERCH_USER=%s: is in too many groups", conf->user);
        return ERR_CONFIG;
    }
    *ret_identity = identity;
    return 0;
}

int child_identity_assume(const struct identity *identity)
{
    if (!identity->change)
        return 0;
    if (setgroups((size_t)identity->group_count, identity->groups) != 0 ||
        setgid(identity->gid) != 0 || setuid(identity->uid) != 0 || setuid(0) == 0) {
        log_error("cannot become user %u: %s", (unsigned)identity->uid, strerror(errno));
        return ERR_CONFIG;
    }
    return 0;
}
