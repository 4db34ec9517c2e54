/* SPDX-License-Identifier: MIT */
#include "tests/support/small_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "tests/support/temp_dir.h"

static struct temp_dir disk;
static char filler[128];

/* Rights over mounts come with a user namespace; who is root needs none. */
static void enter_namespace(void)
{
    char map[64];
    unsigned user = (unsigned)geteuid();
    if (user == 0) {
        cr_assert_eq(unshare(CLONE_NEWNS), 0, "%m");
        return;
    }
    cr_assert_eq(unshare(CLONE_NEWUSER | CLONE_NEWNS), 0, "%m");
    snprintf(map, sizeof map, "%u %u 1", user, user);
    FILE *file = fopen("/proc/self/uid_map", "w");
    cr_assert(file != NULL && fputs(map, file) >= 0 && fclose(file) == 0, "%m");
}

void small_disk_mount(uint32_t megabytes)
{
    char options[64];
    enter_namespace();
    snprintf(options, sizeof options, "size=%um,mode=1777", (unsigned)megabytes);
    cr_assert_eq(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0, "%m");
    temp_dir_create(&disk);
    cr_assert_eq(mount("tmpfs", disk.path, "tmpfs", 0, options), 0, "%m");
    snprintf(filler, sizeof filler, "%s/filler", disk.path);
    temp_dir_set_place(disk.path);
}

void small_disk_unmount(void)
{
    if (disk.path[0] != '\0') {
        umount2(disk.path, MNT_DETACH);
        temp_dir_remove(&disk);
    }
}

void small_disk_fill(void)
{
    static char block[1 << 16];
    int fd = open(filler, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0, "%m");
    while (write(fd, block, sizeof block) > 0) {
    }
    cr_assert_eq(errno, ENOSPC, "%m");
    close(fd);
}

void small_disk_free(void)
{
    cr_assert(unlink(filler) == 0 || errno == ENOENT, "%m");
}
