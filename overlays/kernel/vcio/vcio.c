// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/vcio for kernels that do not have it: property buffers to the Raspberry Pi firmware.
 *
 * The ioctl takes a pointer to 32-bit words [size in bytes, code, tags..., 0]. Each tag is
 * [tag, bytes of value buffer, request/response length, value...]. On success the tags carry the
 * firmware's answers and the code word is 0x80000000. A tag that the firmware does not know gives
 * success too: its response length then lacks bit 31, so callers check that word.
 *
 * Public sources:
 *   buffer and tags   https://github.com/raspberrypi/firmware/wiki/Mailbox-property-interface
 *   rpi_firmware_*    include/soc/bcm2835/raspberrypi-firmware.h, drivers/firmware/raspberrypi.c
 *   ioctl number      drivers/char/broadcom/vcio.c in github.com/raspberrypi/linux (interface only)
 *   compatible string Documentation/devicetree/bindings/arm/bcm/raspberrypi,bcm2835-firmware.yaml
 */

#include <linux/fs.h>
#include <linux/ioctl.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/of.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <soc/bcm2835/raspberrypi-firmware.h>

#define VCIO_IOC_PROPERTY _IOWR(100, 0, char *)

/* Words of a buffer: the envelope before the tags, a tag's header, the end tag. */
#define HEAD_WORDS 2
#define TAG_WORDS (sizeof(struct rpi_firmware_property_tag_header) / sizeof(u32))
#define END_WORDS 1

/* The longest answer in use (EDID, framebuffer palette) is about 1 KiB. */
#define MAX_BYTES 4096
#define MIN_BYTES ((HEAD_WORDS + TAG_WORDS + END_WORDS) * sizeof(u32))

static struct rpi_firmware *firmware;

/*
 * Index of the end tag, or an error. The firmware follows these lengths through memory by itself,
 * so each must stay inside the buffer before it sees them.
 */
static int find_end_tag(const u32 *buf, u32 words)
{
	u32 at = HEAD_WORDS;

	while (buf[at] != RPI_FIRMWARE_PROPERTY_END) {
		u32 left = words - at;
		u32 bytes;

		if (left < TAG_WORDS + END_WORDS)
			return -EINVAL;
		bytes = buf[at + 1];
		if (bytes % sizeof(u32) || bytes / sizeof(u32) > left - TAG_WORDS - END_WORDS)
			return -EINVAL;
		at += TAG_WORDS + bytes / sizeof(u32);
	}
	return at == HEAD_WORDS ? -EINVAL : at;
}

static long forward(u32 __user *user)
{
	u32 *buf, size;
	int end;
	long ret;

	if (get_user(size, user))
		return -EFAULT;
	if (size < MIN_BYTES || size > MAX_BYTES || size % sizeof(u32))
		return -EINVAL;
	buf = memdup_user(user, size);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	/* The caller may have changed this word between the two reads; only the first was checked. */
	buf[0] = size;

	end = find_end_tag(buf, size / sizeof(u32));
	if (end < 0) {
		ret = end;
		goto out;
	}
	/* The kernel adds its own envelope and end tag; waits at most a second for the answer. */
	ret = rpi_firmware_property_list(firmware, buf + HEAD_WORDS,
					 (end - HEAD_WORDS) * sizeof(u32));
	if (ret)
		goto out;
	buf[1] = RPI_FIRMWARE_STATUS_SUCCESS;
	/* Only up to the end tag: what a caller keeps behind it is not ours to write. */
	if (copy_to_user(user, buf, (end + END_WORDS) * sizeof(u32)))
		ret = -EFAULT;
out:
	kfree(buf);
	return ret;
}

static long vcio_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	if (cmd != VCIO_IOC_PROPERTY)
		return -ENOTTY;
	return forward((u32 __user *)arg);
}

/*
 * No compat_ioctl: user space of this system is 64-bit only, and a 32-bit program gets ENOTTY
 * instead of code that nothing would test.
 */
static const struct file_operations vcio_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = vcio_ioctl,
	.llseek = noop_llseek,
};

/* Root only: a tag can change clocks and voltages, map memory or write one-time fuses. */
static struct miscdevice vcio_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "vcio",
	.fops = &vcio_fops,
	.mode = 0600,
};

static int __init vcio_init(void)
{
	struct device_node *node = rpi_firmware_find_node();
	int ret;

	if (!node)
		return -ENODEV;
	firmware = rpi_firmware_get(node);
	of_node_put(node);
	/* Present but not probed yet: the caller may load the module again. */
	if (!firmware)
		return -EAGAIN;
	ret = misc_register(&vcio_device);
	if (ret)
		rpi_firmware_put(firmware);
	return ret;
}
module_init(vcio_init);

/* An open file holds the module, so no request is under way here. */
static void __exit vcio_exit(void)
{
	misc_deregister(&vcio_device);
	rpi_firmware_put(firmware);
}
module_exit(vcio_exit);

/* udev loads the module when it meets the firmware's own device; no extra device-tree node. */
MODULE_ALIAS("of:N*T*Craspberrypi,bcm2835-firmware");
MODULE_ALIAS("of:N*T*Craspberrypi,bcm2835-firmwareC*");
MODULE_DESCRIPTION("Raspberry Pi firmware property interface (/dev/vcio)");
MODULE_AUTHOR("The Tayberry authors");
MODULE_LICENSE("GPL");
