// Step 3, first part: the device's name and time zone.
import { useState } from "react";
import { isName } from "../model/flow";
import { isTimeZone } from "../model/places";
import { NameField, TimeZoneField } from "../parts/device-fields";
import { Form } from "../parts/form";
import { Heading } from "../parts/frame";
import { Notice } from "../parts/notice";
import { useAsk } from "../parts/use-ask";
import { useWords } from "../text/language";
import { Buttons } from "./buttons";
import { useStep } from "./progress";
import type { ScreenProps } from "./setup";

export function DeviceScreen({ setup, dispatch, onNext, onBack, trouble }: ScreenProps) {
  const text = useWords().setup.device;
  const above = useStep(3);
  const asking = useAsk();
  const { name, timezone } = setup.draft;
  const [errors, setErrors] = useState<{ name?: string; timezone?: string }>({});

  const submit = () => {
    const found: typeof errors = {};
    if (!isName(name)) found.name = text.badName;
    if (!isTimeZone(timezone)) found.timezone = text.badTimezone;
    setErrors(found);
    if (Object.keys(found).length > 0) return;
    dispatch({ does: "seen", screen: "device" });
    onNext();
  };
  return (
    <>
      <Heading above={above}>{text.title}</Heading>
      <p className="lead">{text.text}</p>
      {trouble !== undefined && <Notice kind="bad" alert>{trouble}</Notice>}
      <Form onSubmit={submit}>
        <NameField value={name} error={errors.name} onValue={(value) => {
          dispatch({ does: "draft", change: { name: value } });
          setErrors({});
        }} />
        <TimeZoneField value={timezone} error={errors.timezone} onValue={(value) => {
          dispatch({ does: "draft", change: { timezone: value } });
          setErrors({});
        }} />
        <Buttons asking={asking} onBack={onBack} />
      </Form>
    </>
  );
}
