package kubetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// contained describes a program in a container: its root is read-only but for the volumes.
type contained struct {
	Root      string
	Volumes   []string // writable folders below Root
	User      int      // user and group of the process; 0 keeps those it has
	Args, Env []string // Args[0] is the program's path inside
}

const containedVariable = "KUBETEST_CONTAINED"

// inContainer returns a command that runs the program in a mount namespace of its own. As root the program runs as an unprivileged user;
// otherwise it runs in a user namespace, where the read-only mounts hold for it all the same.
func inContainer(t *testing.T, c contained) *exec.Cmd {
	t.Helper()
	attributes := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		c.User = 0
		attributes.Cloneflags |= syscall.CLONE_NEWUSER
		attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
		probe := exec.Command("/proc/self/exe", "-test.run=^$")
		probe.SysProcAttr = attributes
		if err := probe.Run(); err != nil {
			t.Skipf("not root, and user namespaces are not allowed here (%v): the containers cannot be run", err)
		}
	} else if err := unshareable(); err != nil {
		attributes.Cloneflags = 0 // what the root folder holds belongs to root, and the program runs as somebody else
	}
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env, cmd.SysProcAttr = []string{containedVariable + "=" + string(b)}, attributes
	return cmd
}

// unshareable tells whether root may have a mount namespace: in some build machines it may not.
func unshareable() error {
	probe := exec.Command("/proc/self/exe", "-test.run=^$")
	probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	return probe.Run()
}

// becomeContained is what the command of inContainer does first. It returns only in other processes.
func becomeContained() {
	spec := os.Getenv(containedVariable)
	if spec == "" {
		return
	}
	var c contained
	err := json.Unmarshal([]byte(spec), &c)
	if err == nil {
		err = c.run()
	}
	fmt.Fprintln(os.Stderr, "kubetest:", err)
	os.Exit(125)
}

func (c *contained) run() error {
	if err := c.mount(); err != nil && (c.User == 0 || !errors.Is(err, syscall.EPERM)) {
		return err
	}
	if err := errors.Join(syscall.Chroot(c.Root), os.Chdir("/")); err != nil {
		return err
	}
	if c.User != 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(c.User), syscall.Setuid(c.User)); err != nil {
			return err
		}
	}
	return syscall.Exec(c.Args[0], c.Args, c.Env)
}

// mount makes the root read-only, and the volumes writable.
func (c *contained) mount() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	for _, folder := range append([]string{""}, c.Volumes...) {
		folder = filepath.Join(c.Root, folder)
		if err := syscall.Mount(folder, folder, "", syscall.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", folder, err)
		}
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(c.Root, &fs); err != nil {
		return err
	}
	// In a user namespace the flags that the file system below has must stay.
	keep := uintptr(fs.Flags) & (syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC | syscall.MS_NOATIME | syscall.MS_NODIRATIME | syscall.MS_RELATIME)
	if err := syscall.Mount("", c.Root, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY|keep, ""); err != nil {
		return fmt.Errorf("make %s read-only: %w", c.Root, err)
	}
	return nil
}
