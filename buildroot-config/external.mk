include $(sort $(wildcard $(BR2_EXTERNAL_TAYBERRY_PATH)/package/*/*.mk))
